#pragma once

#include <cstdint>

namespace mig_sandbox {

// One step of splitmix64: spreads neighbouring numbers over all 64 bits.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31U);
}

// Numbers that look random and follow from the seed alone, the same on every machine.
class Dice {
 public:
  explicit constexpr Dice(std::uint64_t seed) : state_(seed) {}
  constexpr std::uint64_t roll() { return mix(state_++); }
  constexpr std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(roll() % limit); }
  constexpr double fraction() { return static_cast<double>(roll() >> 11U) * 0x1.0p-53; }
  constexpr bool chance(double probability) { return fraction() < probability; }

 private:
  std::uint64_t state_;
};

}  // namespace mig_sandbox

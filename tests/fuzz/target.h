#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string_view>

// A fuzz target is a function of bytes that must come back, whatever they are, and may `require` what always holds.
// Each TARGET_fuzz.cpp defines one with FUZZ_TARGET(name): built alone with libFuzzer it is a fuzzer, built together
// they replay tests/fuzz/corpus/NAME in `make check`.
namespace mig_runner::fuzz {

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "does not hold: " << what << '\n';
  std::abort();
}

using Target = void (*)(std::string_view bytes);
void add_target(const char* name, Target target);

struct Registered {
  Registered(const char* name, Target target) { add_target(name, target); }
};

}  // namespace mig_runner::fuzz

#ifdef MIG_FUZZ_ALONE
#define FUZZ_TARGET(name)                                                             \
  static void name(std::string_view bytes);                                           \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);  \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    name(std::string_view(reinterpret_cast<const char*>(data), size));                \
    return 0;                                                                         \
  }                                                                                   \
  static void name(std::string_view bytes)
#else
#define FUZZ_TARGET(name)                                               \
  static void name(std::string_view bytes);                             \
  static const mig_runner::fuzz::Registered name##_target(#name, name); \
  static void name(std::string_view bytes)
#endif

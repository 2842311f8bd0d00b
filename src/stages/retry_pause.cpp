#include "stages/retry_pause.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace mig_runner::stages {
namespace {

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  // FNV's low bits are weak for texts that differ in their last character; fold the high half in.
  return hash ^ (hash >> 32U);
}

}  // namespace

std::chrono::milliseconds spread(std::string_view name, std::chrono::milliseconds bound) {
  if (bound.count() <= 0) return std::chrono::milliseconds(0);
  return std::chrono::milliseconds(static_cast<std::int64_t>(fnv1a(name) % static_cast<std::uint64_t>(bound.count())));
}

std::chrono::milliseconds retry_pause(const RetryPauses& pauses, int failures, std::string_view who) {
  auto pause = pauses.first;
  for (int i = 1; i < failures && pause < pauses.longest; ++i) pause *= 2;
  pause = std::min(pause, pauses.longest);
  const auto quarter = pause / 4;
  return pause - quarter + spread(std::string(who) + '#' + std::to_string(failures), quarter * 2);
}

Timestamp next_try(Timestamp now, std::chrono::milliseconds pause, const Error& error,
                   std::optional<Timestamp> deadline) {
  const auto own = now + pause;
  const auto asked = now + error.wait;
  if (asked <= own) return own;
  return deadline ? std::max(own, std::min(asked, *deadline - kLastTry)) : asked;
}

}  // namespace mig_runner::stages

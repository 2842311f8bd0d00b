#include "stages/launch_rate.h"

#include <algorithm>

namespace mig_runner::stages {
namespace {
constexpr std::chrono::minutes kWindow{1};
// How far apart the times may be with which threads ask at once.
constexpr std::chrono::seconds kRace{5};
}  // namespace

LaunchRate::LaunchRate(std::int64_t per_minute, const std::vector<Timestamp>& earlier)
    : per_minute_(static_cast<std::size_t>(per_minute)), launches_(earlier.begin(), earlier.end()) {}

void LaunchRate::forget(Timestamp now) {
  // A launch "later than now" was counted before the clock was set back: it no longer says anything.
  while (!launches_.empty() && launches_.back() > now + kRace) launches_.pop_back();
  while (!launches_.empty() && launches_.front() <= now - kWindow) launches_.pop_front();
}

LaunchRate::Answer LaunchRate::ask(Timestamp now) {
  const MutexLock lock(mutex_);
  forget(now);
  if (launches_.size() >= per_minute_) {
    const bool first = !last_refusal_ || now - *last_refusal_ > 2 * kWindow;
    last_refusal_ = now;
    return {next_room(), first};
  }
  launches_.push_back(launches_.empty() ? now : std::max(now, launches_.back()));
  return {};
}

std::optional<LaunchRate::Room> LaunchRate::room(Timestamp now) {
  const MutexLock lock(mutex_);
  if (!last_refusal_ || now - *last_refusal_ > kWindow || *last_refusal_ > now + kRace) return std::nullopt;
  forget(now);
  if (launches_.size() >= per_minute_) return Room{0, next_room()};
  return Room{per_minute_ - launches_.size(), now};
}

void LaunchRate::put_back() {
  const MutexLock lock(mutex_);
  if (!launches_.empty()) launches_.pop_back();
}

}  // namespace mig_runner::stages

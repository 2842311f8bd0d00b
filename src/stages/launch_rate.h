#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "base/time.h"

namespace mig_runner::stages {

// The circuit breaker over all jobs: at most `per_minute` launches in any minute. Safe from any thread.
class LaunchRate {
 public:
  // `earlier`: launches of the last minute by a process before this one, oldest first.
  LaunchRate(std::int64_t per_minute, const std::vector<Timestamp>& earlier);

  struct Answer {
    std::optional<Timestamp> wait_until;  // none: a launch at `now` is allowed and counted
    bool first_refusal = false;           // the breaker has just opened: worth one warning
  };
  Answer ask(Timestamp now);
  // How many more are allowed now, as long as a refusal was not long ago: who claims more keeps them from other members
  // of a group. Where none is, also until when.
  struct Room {
    std::size_t launches = 0;
    Timestamp wait_until{};
  };
  std::optional<Room> room(Timestamp now);
  // One that was allowed did not take place.
  void put_back();

 private:
  void forget(Timestamp now) REQUIRES(mutex_);
  Timestamp next_room() const REQUIRES(mutex_) {
    return launches_[launches_.size() - per_minute_] + std::chrono::minutes(1);
  }

  const std::size_t per_minute_;
  Mutex mutex_;
  std::deque<Timestamp> launches_ GUARDED_BY(mutex_);
  std::optional<Timestamp> last_refusal_ GUARDED_BY(mutex_);
};

}  // namespace mig_runner::stages

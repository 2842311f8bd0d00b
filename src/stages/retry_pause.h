#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

namespace mig_runner::stages {

struct RetryPauses {
  std::chrono::milliseconds first;
  std::chrono::milliseconds longest;
};

// Pauses of each stage between tries. The longest ones bound how late anything is noticed to work again.
inline constexpr RetryPauses kLaunchPauses{std::chrono::seconds(2), std::chrono::minutes(2)};
inline constexpr RetryPauses kCollectPauses{std::chrono::seconds(5), std::chrono::minutes(5)};
// While answers are awaited that the API's scheduler ends some seconds after the expiry.
inline constexpr RetryPauses kAnswerPauses{std::chrono::seconds(2), std::chrono::seconds(30)};
inline constexpr RetryPauses kDeliverPauses{std::chrono::seconds(5), std::chrono::minutes(30)};
inline constexpr RetryPauses kStoragePauses{std::chrono::seconds(1), std::chrono::seconds(30)};

// How long to wait after the `failures`-th failure (from 1): doubles each time up to the longest, then varied by up to
// a quarter either way, so that many runs that failed together do not come back together. The variation depends on
// `who` and the count alone: the same run always waits the same.
std::chrono::milliseconds retry_pause(const RetryPauses& pauses, int failures, std::string_view who);

// The time needed before a deadline to find out whether the API has an action, and to post it.
inline constexpr std::chrono::seconds kLastTry{30};

// When to try again after `error` at `now`: after `pause`, or as much later as the other side asks for, but for that
// reason no later than kLastTry before the deadline.
Timestamp next_try(Timestamp now, std::chrono::milliseconds pause, const Error& error,
                   std::optional<Timestamp> deadline);

// A fixed number below `bound` for a name, the same on every machine and in every version (FNV-1a).
std::chrono::milliseconds spread(std::string_view name, std::chrono::milliseconds bound);

}  // namespace mig_runner::stages

#include "stages/outage.h"

#include <utility>

#include "base/text.h"

namespace mig_runner::stages {
namespace {

// Fewer that fail among others that work are no outage.
constexpr std::size_t kFew = 3;
constexpr std::size_t kMostNames = 10'000;

}  // namespace

void Outage::failed(log::Log& log, log::Level level, const std::string& run, const std::string& text, End end) {
  bool first = false;
  {
    const MutexLock lock(mutex_);
    if (runs_.size() < kMostNames) runs_.insert(run);
    ++failures_;
    // A run that ends is more than one that waits: the first is told, too.
    first = !there_.exchange(true) || (end == End::given_up && given_up_ == 0);
    given_up_ += end == End::given_up ? 1 : 0;
  }
  if (first) return log.write(level, text + "; further failures are counted until it works again");
  log.debug(text);
}

void Outage::worked(log::Log& log, const std::string& run, const std::string& again) {
  if (!there_) return;
  std::string counts;
  {
    const MutexLock lock(mutex_);
    if (!there_.exchange(false)) return;
    const auto runs = std::exchange(runs_, {});
    const auto failures = std::exchange(failures_, 0);
    const auto given_up = std::exchange(given_up_, 0);
    if (!run.empty() && runs.size() <= kFew && !runs.contains(run)) return;
    counts = (runs.size() == kMostNames ? "at least " : "") + counted(runs.size(), "run") + " had waited, with " +
             counted(failures, "failed try", "failed tries");
    if (given_up > 0) counts += "; " + std::to_string(given_up) + " of them had to be given up";
  }
  log.notice((again.empty() ? again_ : again) + ": " + counts + ".");
}

}  // namespace mig_runner::stages

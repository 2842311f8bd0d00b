#include "runner/outage.h"

#include <utility>

#include "base/text.h"

namespace mig_runner::runner {

void Outage::failed(log::Log& log, log::Level level, const std::string& run, const std::string& text, End end) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    runs_.insert(run);
    ++failures_;
    given_up_ += end == End::given_up ? 1 : 0;
    first = !there_.exchange(true);
  }
  if (first) return log.write(level, text + "; further failures are counted until it works again");
  log.debug(text);
}

void Outage::worked(log::Log& log, const std::string& run) {
  if (!there_) return;
  std::string counts;
  {
    const std::lock_guard lock(mutex_);
    if (!there_.exchange(false)) return;
    const auto runs = std::exchange(runs_, {});
    const auto failures = std::exchange(failures_, 0);
    const auto given_up = std::exchange(given_up_, 0);
    if (!run.empty() && runs.size() == 1 && !runs.contains(run)) return;
    counts = counted(runs.size(), "run") + " had waited, with " + counted(failures, "failed try", "failed tries");
    if (given_up > 0) counts += "; " + std::to_string(given_up) + " of them had to be given up";
  }
  log.notice(again_ + ": " + counts + ".");
}

}  // namespace mig_runner::runner

#include "daemon/spool_report.h"

#include <algorithm>

#include "base/text.h"
#include "base/time.h"

namespace mig_runner::daemon {
namespace {

using Kind = spool::Change::Kind;
using log::Level;

class Report {
 public:
  Report(bool at_start, std::chrono::milliseconds between_scans)
      : at_start_(at_start), scans_("every " + format_go_duration(between_scans)) {}

  std::vector<LogLine> of(const std::vector<spool::Change>& changes) {
    for (const auto& change : changes) {
      if (change.kind == Kind::unreadable) {
        unreadable(changes, change);
      } else if (change.kind == Kind::readable) {
        readable(changes, change);
      } else if (change.name.empty()) {
        watches(change);
      } else {
        job(change);
      }
    }
    return std::move(lines_);
  }

 private:
  void add(Level level, std::string text) { lines_.push_back({level, std::move(text)}); }

  void job(const spool::Change& change) {
    for (const auto& problem : change.problems) add(problem.fatal ? Level::err : Level::warning, problem.text());
    const auto tell = [&](Level level, const std::string& what) { add(level, change.name + ": " + what); };
    if (change.kind == Kind::added) tell(at_start_ ? Level::debug : Level::notice, "job added");
    if (change.kind == Kind::changed) tell(Level::notice, "job changed");
    if (change.kind == Kind::rezoned) tell(Level::debug, "its time zone has other rules");
    if (change.kind == Kind::removed) tell(Level::notice, "job removed");
    if (change.kind == Kind::broken)
      tell(Level::err,
           change.job ? "job is broken, its last good form keeps running" : "job is broken and does not run");
    if (change.kind == Kind::waiting)
      tell(Level::notice, std::string("some program keeps a file of the job open for writing, or goes on "
                                      "changing it; it is read afterwards, and until then ") +
                              (change.job ? "the job runs as it was" : "the job does not run"));
  }

  // The jobs of this kind; 0 where an earlier change of it has told of all.
  std::size_t jobs_not_told(const std::vector<spool::Change>& changes, const spool::Change& change, bool& told) {
    if (std::exchange(told, true)) return 0;
    return static_cast<std::size_t>(std::count_if(changes.begin(), changes.end(), [&](const auto& each) {
      return each.kind == change.kind && !each.name.empty();
    }));
  }

  void unreadable(const std::vector<spool::Change>& changes, const spool::Change& change) {
    const auto why = change.problems.front().text();
    if (change.name.empty())
      return add(Level::err, why + "; all jobs stay as they are, and it is tried again " + scans_);
    const auto count = jobs_not_told(changes, change, unreadable_told_);
    if (count == 1)
      return add(Level::err, change.name + ": the job cannot be read now: " + why + "; " +
                                 (change.job ? "it runs as it was" : "it does not run until then") +
                                 ", and it is tried again " + scans_);
    if (count > 1)
      add(Level::err, counted(count, "job") + " cannot be read now, the first is " + change.name + ": " + why +
                          "; they stay as they are, and it is tried again " + scans_);
  }

  void readable(const std::vector<spool::Change>& changes, const spool::Change& change) {
    if (change.name.empty()) return add(Level::notice, "The directory of jobs can be read again.");
    const auto count = jobs_not_told(changes, change, readable_told_);
    if (count == 1) return add(Level::notice, change.name + ": the job can be read again");
    if (count > 1) add(Level::notice, counted(count, "job") + " can be read again");
  }

  void watches(const spool::Change& change) {
    if (change.kind == Kind::watched) return add(Level::notice, "All jobs are watched: changes are seen at once.");
    const auto& limit = change.problems.front();
    add(Level::warning, "No inotify watches are left (" + limit.message + "): changes of jobs are seen by the scan " +
                            scans_ + ", instead of at once" + (limit.file.empty() ? "" : ". Raise " + limit.file));
  }

  const bool at_start_;
  const std::string scans_;
  bool unreadable_told_ = false, readable_told_ = false;
  std::vector<LogLine> lines_;
};

}  // namespace

std::vector<LogLine> spool_report(const std::vector<spool::Change>& changes, bool at_start,
                                  std::chrono::milliseconds between_scans) {
  return Report(at_start, between_scans).of(changes);
}

}  // namespace mig_runner::daemon

#include "daemon/spool_report.h"

#include <gmock/gmock.h>

namespace mig_runner::daemon {
namespace {

using Kind = spool::Change::Kind;
using log::Level;
using testing::ElementsAre;

std::vector<LogLine> report(const std::vector<spool::Change>& changes, bool at_start = false) {
  return spool_report(changes, at_start, std::chrono::seconds(30));
}

spool::Change change(Kind kind, const std::string& name, const std::string& file = "", const std::string& what = "") {
  spool::Change made{kind, name, nullptr, false, {}};
  if (!what.empty()) made.problems = {{file, 0, 0, what}};
  return made;
}

TEST(SpoolReport, TellsWhatBecameOfJobs) {
  EXPECT_THAT(report({change(Kind::added, "a"), change(Kind::changed, "b"), change(Kind::removed, "c"),
                      change(Kind::broken, "d", "d/entity.cfg", "it is empty")}),
              ElementsAre(LogLine{Level::notice, "a: job added"}, LogLine{Level::notice, "b: job changed"},
                          LogLine{Level::notice, "c: job removed"}, LogLine{Level::err, "d/entity.cfg: it is empty"},
                          LogLine{Level::err, "d: job is broken and does not run"}));
  EXPECT_THAT(report({change(Kind::added, "a")}, true), ElementsAre(LogLine{Level::debug, "a: job added"}));
}

TEST(SpoolReport, OneLineTellsOfAllJobsThatCannotBeRead) {
  const std::string why = "Too many open files";
  EXPECT_THAT(report({change(Kind::unreadable, "a", "a/entity.cfg", why)}),
              ElementsAre(LogLine{Level::err,
                                  "a: the job cannot be read now: a/entity.cfg: Too many open files; it does not run "
                                  "until then, and it is tried again every 30s"}));
  EXPECT_THAT(report({change(Kind::unreadable, "a", "a/entity.cfg", why), change(Kind::changed, "b"),
                      change(Kind::unreadable, "c", "c/entity.cfg", why)}),
              ElementsAre(LogLine{Level::err,
                                  "2 jobs cannot be read now, the first is a: a/entity.cfg: Too many open files; they "
                                  "stay as they are, and it is tried again every 30s"},
                          LogLine{Level::notice, "b: job changed"}));
  EXPECT_THAT(report({change(Kind::readable, "a"), change(Kind::readable, "c")}),
              ElementsAre(LogLine{Level::notice, "2 jobs can be read again"}));
  EXPECT_THAT(report({change(Kind::unreadable, "", "runners", "the directory cannot be read: Input/output error")}),
              ElementsAre(LogLine{Level::err,
                                  "runners: the directory cannot be read: Input/output error; all jobs stay as they "
                                  "are, and it is tried again every 30s"}));
  EXPECT_THAT(report({change(Kind::readable, "")}),
              ElementsAre(LogLine{Level::notice, "The directory of jobs can be read again."}));
}

TEST(SpoolReport, SaysWhatMissingWatchesMean) {
  EXPECT_THAT(report({change(Kind::unwatched, "", "fs.inotify.max_user_watches", "No space left on device")}),
              ElementsAre(LogLine{Level::warning,
                                  "No inotify watches are left (No space left on device): changes of jobs are seen by "
                                  "the scan every 30s, instead of at once. Raise "
                                  "fs.inotify.max_user_watches"}));
  EXPECT_THAT(report({change(Kind::watched, "")}),
              ElementsAre(LogLine{Level::notice, "All jobs are watched: changes are seen at once."}));
}

}  // namespace
}  // namespace mig_runner::daemon

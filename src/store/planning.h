#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "store/run.h"

namespace mig_runner::store {

class Database;

// How far a job's timetable has been worked through: no nominal time at or before it is planned any more.
struct Cursor {
  std::string job;
  Timestamp planned_through{};
  // Which one, in the planner's words. Empty: written before it was remembered.
  std::string timetable;
  bool operator==(const Cursor&) const = default;
};

// A job that is paused.
struct Pause {
  Timestamp since{};
  std::int64_t last_run = 0;  // number of the newest run, of any job, that was there then: what it met is not launched
  bool met(const Run& run) const { return run.number <= last_run; }
  bool operator==(const Pause&) const = default;
};

// Both ends belong to it.
struct FinishedPause {
  Timestamp since{}, until{};
  bool met(Timestamp nominal) const { return nominal >= since && nominal <= until; }
  bool operator==(const FinishedPause&) const = default;
};

// The planner's part of a store: cursors, pauses and new runs. Commands that launch or pause use it too.
class Planning {
 public:
  // Plans by schedules, in one transaction: moves the cursors and inserts the runs whose job and nominal time are new
  // (state, wake and all fields as given; `number` is ignored). Returns for each run whether it was new. Each run's job
  // has a cursor among them. Not inserted is what meets a pause of its job: any nominal time while it lasts, and those
  // within it when it is over (by `now`). Beside other members a cursor only moves forward, whatever its timetable: a
  // clock that is behind, or was set back, is this member's alone; Retry::no where its clock is far off and another's
  // is not.
  Result<std::vector<bool>> plan(std::span<const Cursor> cursors, std::span<const Run> runs, Timestamp now);
  // The same without a schedule: for runs that are launched by hand.
  Result<std::vector<bool>> add(std::span<const Run> runs);
  Result<std::vector<Cursor>> cursors();  // by job
  Result<std::optional<Cursor>> cursor(const std::string& job);
  // These jobs were removed: one that comes back begins anew. Cursors of jobs that another member has stay.
  Result<void> forget_cursors(std::span<const std::string> jobs);

  // A run launched by somebody else (an original runner), with the action as it stood in its record. False: known
  // already.
  Result<bool> adopt(const Run& run, const std::string& action);

  // A paused job is not launched by its schedule. Kept until resume().
  Result<std::map<std::string, Pause>> paused();
  // False where it is paused already.
  Result<bool> pause(const std::string& job, Timestamp now);
  // Times of its schedule within the pause are never planned. False where it is not paused.
  Result<bool> resume(const std::string& job, Timestamp now);
  // Those that ended at or after `since`, by job.
  Result<std::multimap<std::string, FinishedPause>> finished_pauses(Timestamp since);

 protected:
  explicit Planning(Database& database) : database_(database) {}

 private:
  Database& database_;
};

}  // namespace mig_runner::store

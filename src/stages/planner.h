#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "stages/stage_context.h"

namespace mig_runner::stages {

// Turns schedules into runs: at each nominal time of a job it puts a run into the store, due at once or after the job's
// splay. At most one run per job and nominal time ever, however the clock jumps; at most one run per job and step, so
// that no pause, however long, ends in a burst: of several times that passed meanwhile only the newest can be launched.
//
// A job's times are those of its timetable: schedule, zone and whether it is enabled. A timetable counts from the
// moment at which it is seen; what passed before is neither launched nor missed. The cursor says which one it belongs
// to, so that an edit is seen over a restart too.
//
// A nominal time that is found more than kPunctual late was missed (the runner was down, the machine slept, the clock
// jumped): catchup = latest launches it once, skip records it as missed. One thread: the loop's.
class Planner {
 public:
  static constexpr std::chrono::milliseconds kPunctual = std::chrono::minutes(1);
  // How long it may take until a job has come to all members of a group, or the directory of jobs after a start.
  static constexpr std::chrono::milliseconds kRolledOut = std::chrono::minutes(10);

  // A run is put into the store `ahead` of its time, so that this does not make it late. But with overlap = forbid at
  // its time: it would pass for an unfinished one to a run before it.
  explicit Planner(const StageContext& context, std::chrono::milliseconds ahead = {})
      : context_(context), ahead_(ahead), queue_(PlannedSooner{*this}) {}

  // Reads how far each job was planned by earlier processes. Call once, before put().
  Result<void> load();

  // A job as it is at start, or as it can be read at last if it was there then: times since it was last planned were
  // missed, if it had the same timetable then.
  void start(const spool::JobPtr& job, Timestamp now);
  // Once all jobs were started: those of earlier processes that `is_gone` are removed. In a group they stay, since
  // another member may have them.
  void remove_unless_started(const std::function<bool(const std::string& name)>& is_gone);
  // A job that appeared or changed while running: a new timetable counts from now on. What was due under its old form
  // is planned first, or as soon as it can be. Returns the time that was planned ahead of now and is none of the new
  // timetable's, if any.
  std::optional<Timestamp> put(const spool::JobPtr& job, Timestamp now);
  // Times that were due are planned as with put(). A job that comes back, also after a restart, begins anew.
  void remove(const std::string& name, Timestamp now);

  // Which jobs are paused now: nothing of theirs is planned. What met a pause that is over is not planned either, but
  // what was missed before it, or since, is.
  void set_paused(std::map<std::string, store::Pause> paused);

  // Plans everything that is due. Returns when it wants to be called next; nullopt: not before something changes.
  std::optional<Timestamp> step(Timestamp now);

  // Why the last step could not plan what is due, and no other member does; null: it could.
  const std::string* failure() const;

  // The next nominal time of all jobs, for showing.
  std::optional<Timestamp> next_time() const;

 private:
  struct Entry {
    spool::JobPtr job;
    Timestamp cursor{};             // nothing at or before it is planned any more
    std::optional<Timestamp> next;  // the first nominal time after the cursor; none for a disabled or paused job
    Timestamp known_since{};        // when this process first had a good form of the job
  };
  struct Passed {  // times after the entry's cursor
    Entry entry;
    Timestamp through;          // the last of them, at most
    std::string not_planned{};  // why not before the entry changed or was removed, where it did
  };
  struct PlannedSooner {
    const Planner& planner;
    bool operator()(const Entry* one, const Entry* other) const;
  };
  struct Plan {
    std::vector<store::Cursor> cursors;
    std::vector<store::Run> runs;
  };
  using Pauses = std::multimap<std::string, store::FinishedPause>;

  void insert(const spool::JobPtr& job, Timestamp cursor, Timestamp now);
  void begin_timetable(const spool::JobPtr& job, Timestamp now);
  void schedule(Entry& entry);
  void keep_overdue(const Entry& entry, Timestamp now);
  void turn_back(Timestamp now);
  Timestamp planned_at(const Entry& entry) const;
  Result<Pauses> pauses_met(Timestamp now) const;
  void plan_entry(const Entry& entry, Timestamp now, const Pauses& pauses, Plan& plan);
  void plan_passed(const Passed& passed, Timestamp now, const Pauses& pauses, Plan& plan);
  void plan_launch(const Entry& entry, Timestamp nominal, Timestamp counted_from, Plan& plan);
  std::string cannot_plan() const;
  std::string missed_because(const Entry& entry, Timestamp time) const;
  void tell_missed(const Plan& plan, const std::vector<bool>& fresh) const;
  void plan_missed(const Entry& entry, Timestamp last, std::string why, const Pauses& pauses, Plan& plan);
  void put_new(const spool::JobPtr& job, Timestamp now);
  Result<std::optional<Timestamp>> recent_cursor(const spool::Job& job, Timestamp now) const;
  Result<void> commit(const Plan& plan, Timestamp now);
  Result<void> forget_removed();
  Timestamp not_planned(const Error& error, Timestamp now);

  const StageContext& context_;
  const std::chrono::milliseconds ahead_;
  std::map<std::string, store::Cursor> stored_cursors_;  // of jobs that were not started yet
  std::map<std::string, Entry> entries_;
  std::map<std::string, store::Pause> paused_;
  std::set<Entry*, PlannedSooner> queue_;        // of entries_, those that have a next
  std::vector<store::Cursor> unwritten_;         // cursors of new timetables, written with the next plan
  std::vector<Passed> overdue_;                  // of jobs that have changed or gone since, oldest first
  std::map<std::string, spool::JobPtr> unread_;  // jobs whose cursors could not be read yet
  std::set<std::string> removed_;                // whose cursors are forgotten after the next plan
  std::optional<Timestamp> last_step_;
  std::optional<Timestamp> started_;  // when this process planned first
  int failures_ = 0;
  std::string failure_;  // the last of them
  std::optional<Timestamp> failing_since_;
  bool left_to_others_ = false;  // by the last of them
  bool told_ = false;            // of them
};

}  // namespace mig_runner::stages

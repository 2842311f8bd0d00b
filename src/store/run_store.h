#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "store/location.h"
#include "store/run.h"

namespace mig_runner::store {

// What a change of a run keeps beside it until the run has its result: too large for the row, and not needed later.
struct Documents {
  std::optional<std::string> signature;  // added to those of earlier tries
  std::optional<std::string> action;     // as the API accepted it
};

// One change of a run that this store's owner has claimed. Applied only where the run is still in state `from` and
// claimed by the owner.
struct Change {
  RunState from;
  Run run;  // every field is written but `job` and `nominal`; `number` says which run
  Documents documents;
  bool keep_claim = false;      // true: more is about to be done with it
  bool drop_documents = false;  // nothing will need them any more
};

// Runs of one state that nobody has claimed.
struct Claimable {
  RunState state;
  Timestamp earliest;  // of the times from which on one of them may be claimed
  int runs = 0;
};

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

// A pause that is over: both ends belong to it.
struct PauseOver {
  Timestamp since{}, until{};
  bool met(Timestamp nominal) const { return nominal >= since && nominal <= until; }
  bool operator==(const PauseOver&) const = default;
};

// A member's clock may be so far off the database's before it leaves the work to others whose clocks are near it: less
// than the minute by which a launch may be late, and by which actions are dated back.
inline constexpr std::chrono::milliseconds kClockFarOff{30'000};

// A runner of the group that shares a PostgreSQL database.
struct Member {
  std::string id, host;
  int process = 0;
  std::string tree;  // as RunStore::tree()
  Timestamp started{};
  std::chrono::milliseconds lease_left{0};  // not above 0: the others take over what it has begun
  std::chrono::milliseconds clock_ahead{0};
  bool able = true;             // false: its clock is so far off that it leaves to others all but what it has stored
  std::int64_t at_work_on = 0;  // runs that it has claimed
};

// What a member has of a job that is not the same on all of them.
struct JobDifference {
  std::string job;
  std::string member;  // "HOST/PROCESS"
  std::string hash;    // empty: it does not have the job
};

struct Opened;

// Runs and their history, durable: when a function returns, what it wrote survives a power cut (but for claims, which
// end with the process anyway). SQLite in WAL mode, or PostgreSQL. Safe from any thread (one connection behind a mutex;
// to a server it is made again when it was lost). Errors are Retry::later unless said otherwise; nothing of a failed
// call is kept, except where the connection was lost in the middle of its commit. Once the database shows damage,
// nothing is written any more: every writing call fails until the next open() has checked it. Texts are UTF-8; bytes
// that are not are kept as U+FFFD.
class RunStore {
 public:
  // SQLite: opens or creates the file (parents made, mode 0700; file 0600), brings an older schema up to date in one
  // transaction and refuses a newer one (Retry::no). A damaged database is set aside as PATH.damaged-TIME and a new one
  // begun; Opened says so. The caller holds the tree's lock: claims left by an earlier process are released.
  // PostgreSQL: connects; the schema must be there and have this version (Retry::no). The store is a member
  // of the group that shares the database, with an id of its own in place of `owner` and a lease of that length: what
  // it has claimed belongs to it as long as the lease lives, which a thread renews. `clock`: by which it plans and
  // claims; outlives the store.
  static Result<Opened> open(const Location& location, const std::string& owner, Timestamp now,
                             std::chrono::milliseconds lease = std::chrono::seconds(30),
                             const Clock& clock = system_clock());
  // For a command beside the runner, which may be at work on the database: nothing is made, checked, set aside, brought
  // up to date or released. Retry::no where there is no database or its schema has another version.
  static Result<std::unique_ptr<RunStore>> open_beside(const Location& location, const std::string& owner);
  ~RunStore();

  // For the end of the process: from now on no call waits long for a server that does not answer, or for a lock
  // that another process holds on the file, also none that is under way; and no connection is made anew.
  void begin_shutdown();
  // Ends the membership of a group, with its claims; nothing is called afterwards. For one lease more its jobs and
  // results count as there, as it may be restarting. The destructor does it too.
  void close();

  // Of a member of a group: which membership this is; it is another one after a lease that ended. 0 without a group.
  std::uint64_t term();
  // Whether what was claimed in that membership certainly still is: to be asked right before a deed that must not be
  // done twice. Reads a clock that also counts while the process is stopped, no database. Always true without a group.
  bool holds(std::uint64_t term);
  // The runner's directory that this store was opened for, "HOST:DIRECTORY": by it a group knows where result files lie
  // and who did what. Empty without a group.
  const std::string& tree() const;
  // How far this machine's clock is ahead of the database's. Zero without a group.
  std::chrono::milliseconds clock_ahead();

  // `condition` is asked before anything is planned, and before a run is claimed or written down to be launched. To be
  // set before other threads know the store.
  void launch_only_if(std::function<Result<void>()> condition);
  // An Error (Retry::no) while nothing may be launched: plan() and claim() of what is due fail with it. By that
  // condition, and with SQLite where the file at its path is not the one that is open: what was launched goes on being
  // written there, but a runner that starts would know nothing of it.
  Result<void> may_launch();

  // The jobs of this member with the hash of their files: it claims only runs of these, and of jobs that no member has
  // as the run was planned with. `left_to_others` it plans with their hashes too, and claims no run of them. Does
  // nothing without a group.
  Result<void> set_jobs(const std::map<std::string, std::string>& jobs,
                        const std::map<std::string, std::string>& left_to_others = {});
  // By host, without those that have ended. Empty without a group.
  Result<std::vector<Member>> members();
  // By job and member. Empty without a group.
  Result<std::vector<JobDifference>> job_differences();

  // Called after a commit that made runs with a wake time claimable, with those of each state, on the committing
  // thread, outside the mutex.
  void on_change(std::function<void(const Claimable&)> listener);

  // What schedules name, in one transaction: moves the cursors and inserts the runs whose job and nominal time are new
  // (state, wake and all fields as given; `number` is ignored). Returns for each run whether it was new. Each run's job
  // has a cursor among them. Not inserted is what meets a pause of its job: any nominal time while it lasts, and those
  // within it when it is over (by `now`). Beside other members a cursor only moves forward, whatever its timetable: a
  // clock that is behind, or was set back, is this member's alone; Retry::no where its clock is far off and another's
  // is not.
  Result<std::vector<bool>> plan(std::span<const Cursor> cursors, std::span<const Run> runs, Timestamp now);
  // The same without a schedule: what is launched by hand.
  Result<std::vector<bool>> add(std::span<const Run> runs);
  Result<std::vector<Cursor>> cursors();  // by job
  Result<std::optional<Cursor>> cursor(const std::string& job);
  // These jobs were removed: one that comes back begins anew. Cursors of jobs that another member has stay.
  Result<void> forget_cursors(std::span<const std::string> jobs);

  // A run launched by somebody else (an original runner), with the action as it stood in its record. False: known
  // already.
  Result<bool> adopt(const Run& run, const std::string& action);

  // Claims up to `limit` unclaimed runs in one of `states` whose wake is at or before `now`, earliest wake first.
  // Retry::no for a member whose clock is far off while another's is not: only what is stored it may claim. `except`:
  // jobs whose runs are left out.
  Result<std::vector<Run>> claim(std::span<const RunState> states, Timestamp now, int limit,
                                 std::span<const std::string> except = {});
  // The unclaimed runs in `states` that this store may claim now or later, by state; counted up to `limit` of each.
  Result<std::vector<Claimable>> claimable(std::span<const RunState> states, int limit,
                                           std::span<const std::string> except = {});
  // The earliest time from which on one of these may be claimed: their wake, for a member of a group perhaps later.
  Result<std::optional<Timestamp>> next_wake(std::span<const RunState> states,
                                             std::span<const std::string> except = {});
  // Gives claimed runs back unchanged.
  Result<void> release(std::span<const Run> runs);
  // What is claimed in the name of this member without its knowing: a claim whose commit came through after its
  // connection was given up. To be called now and then. Does nothing without a group.
  Result<void> release_unknown();
  // All that this store's owner has claimed: when its stages have ended.
  Result<void> release_all();

  // Applies all or none, in one transaction: many at once cost little more than one. Retry::no where one is not claimed
  // or no longer in its state `from`, or is to be signed while a pause of its job lasts that it met. The claim ends
  // with it, unless it is kept. No two are of the same run.
  Result<void> record(std::span<const Change> changes);

  Result<std::vector<std::string>> signatures(const Run& run);  // of all tries, oldest first
  Result<std::optional<std::string>> action(const Run& run);    // Documents::action

  // One change of a run that nobody has claimed: for a command beside the runner. Retry::later where somebody works on
  // the run at the moment, Retry::no where it is no longer in its state `from`.
  Result<void> repair(const Change& change);
  // What all who share the store take for the time: `now`, or that of a database server, whatever this machine's clock
  // says.
  Result<Timestamp> shared_time(Timestamp now);
  // Tells of rows, found since the last call, that no store has written and that are left alone: a sentence each,
  // each once.
  std::vector<std::string> take_refused();
  // Whether another process has written since the last call; true the first time.
  Result<bool> written_by_others();

  // A paused job is not launched by its schedule. Kept until resume().
  Result<std::map<std::string, Pause>> paused();
  // False where it is paused already.
  Result<bool> pause(const std::string& job, Timestamp now);
  // What its schedule named within the pause is never planned. False where it is not paused.
  Result<bool> resume(const std::string& job, Timestamp now);
  // Those that ended at or after `since`, by job.
  Result<std::multimap<std::string, PauseOver>> pauses_over(Timestamp since);

  // After the clock was set back: unclaimed runs that wait to be tried again (attempts > 0) for longer than any pause
  // between tries are due now. Retry::no as with claim().
  Result<void> bring_forward(Timestamp now);

  // Runs that are launched or may be, and not collected yet: signed, unknown, or posted without a result file.
  Result<std::vector<Run>> uncollected();
  // Whether another run of its job is on its way, so that `run` must not be where overlap = forbid: one that is
  // launched, or may be, and has no result file yet; or one that is due and of an earlier nominal time.
  Result<bool> overlaps(const Run& run);
  // Run::posted_at at or after `since` of what was launched in this tree, newest last: for the launch rate over
  // restarts.
  Result<std::vector<Timestamp>> posted_since(Timestamp since);
  // Runs of `job` with a result file that nothing waits for (delivered, or stored without a plugin), newest first; to a
  // member of a group only those in its own tree.
  Result<std::vector<Run>> settled_results(const std::string& job);
  // The result file of a settled run was removed. Retry::no where something waits for it.
  Result<void> forget_result(std::int64_t number);

  Result<std::optional<Run>> find(const std::string& job, Timestamp nominal);
  Result<std::optional<Run>> find_action(std::int64_t action_id);  // the newest
  // Runs in `state` that something is still to be done with, claimed or not, earliest wake first.
  Result<std::vector<Run>> waiting(RunState state);
  // Newest nominal time first; empty `job`: all; empty `states`: any.
  Result<std::vector<Run>> history(const std::string& job, int limit, std::span<const RunState> states = {});
  // The newest of each job that has any.
  Result<std::vector<Run>> last_runs();
  // Runs with a nominal time at or after `since` that ended without results which somebody has (refused, missed,
  // invalid, collect_failed, undeliverable), newest first.
  Result<std::vector<Run>> failed_since(Timestamp since, int limit);
  Result<std::map<RunState, std::int64_t>> counts();  // of the states that have runs

 private:
  struct Impl;
  explicit RunStore(std::unique_ptr<Impl> impl);
  static Result<Opened> open_sqlite(const std::filesystem::path& path, const std::string& owner, Timestamp now);
  static Result<std::unique_ptr<RunStore>> open_checked(const std::filesystem::path& path, const std::string& owner,
                                                        std::string& damage);
  static Result<std::unique_ptr<RunStore>> open_server(const Location& location, const std::string& owner,
                                                       std::optional<std::chrono::milliseconds> lease,
                                                       const Clock& clock);
  std::unique_ptr<Impl> impl_;
};

struct Opened {
  std::unique_ptr<RunStore> store;
  std::string set_aside;  // where a damaged database was moved to, or empty
  std::string damage;     // what was wrong with it
};

}  // namespace mig_runner::store

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "store/run.h"

namespace mig_runner::store {

class Database;

// Kept beside a run until it has its result: too large for the row, and not needed later.
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

// The stages' part of a store: each claims runs in its states, works on them, and records what became of them.
class Claims {
 public:
  // Called after a commit that made runs with a wake time claimable, with those of each state, on the committing
  // thread, outside the mutex.
  void on_change(std::function<void(const Claimable&)> listener);

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
  // All that this store's owner has claimed: when its stages have ended.
  Result<void> release_all();

  // Applies all or none, in one transaction: many at once cost little more than one. Retry::no where one is not claimed
  // or no longer in its state `from`, or is to be signed while a pause of its job lasts that it met. The claim ends
  // with it, unless it is kept. No two are of the same run.
  Result<void> record(std::span<const Change> changes);

  // One change of a run that nobody has claimed: for a command beside the runner. Retry::later where somebody works on
  // the run at the moment, Retry::no where it is no longer in its state `from`.
  Result<void> repair(const Change& change);
  // After the clock was set back: unclaimed runs that wait to be tried again (attempts > 0) for longer than any pause
  // between tries are due now. Retry::no as with claim().
  Result<void> bring_forward(Timestamp now);

  // The result file of a settled run was removed. Retry::no where something waits for it.
  Result<void> forget_result(std::int64_t number);

 protected:
  explicit Claims(Database& database) : database_(database) {}

 private:
  Database& database_;
};

}  // namespace mig_runner::store

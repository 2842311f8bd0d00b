#pragma once

#include <soci/soci.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/progress.h"
#include "store/claims.h"
#include "store/location.h"
#include "store/sql/batches.h"
#include "store/sql/call_timeout.h"
#include "store/sql/change_writer.h"
#include "store/sql/failure.h"
#include "store/sql/group/membership.h"
#include "store/sql/lock_wait.h"
#include "store/sql/opened_path.h"
#include "store/sql/postgresql.h"
#include "store/sql/run_row.h"
#include "store/sql/schema.h"
#include "store/sql/statement.h"
#include "store/sql/transaction.h"

namespace mig_runner::store {

// What one writing call has done so far, besides its statements: written to the tally and told to the listener when
// the call succeeds.
struct Effects {
  std::map<RunState, long long> counted;
  std::map<RunState, Claimable> woken;
  std::map<std::int64_t, std::uint64_t> claimed;  // with the claim
  std::vector<std::int64_t> given_back;
  bool concerns_others = false;  // beyond the runs that are woken

  // Of a change that was written.
  void changed(const Change& change) {
    --counted[change.from];
    ++counted[change.run.state];
    if (change.keep_claim) return;
    given_back.push_back(change.run.number);
    claimable(change.run);
  }
  void claimable(const Run& run) {
    if (!run.wake) return;
    auto& told = woken.try_emplace(run.state, Claimable{run.state, *run.wake, 0}).first->second;
    told.earliest = std::min(told.earliest, *run.wake);
    ++told.runs;
  }
};

// Ends the call that a CallTimeout watches.
class CallEnd {
 public:
  explicit CallEnd(CallTimeout* call_timeout) : call_timeout_(call_timeout) {}
  ~CallEnd() {
    if (call_timeout_ != nullptr) call_timeout_->end();
  }
  CallEnd(const CallEnd&) = delete;
  CallEnd& operator=(const CallEnd&) = delete;

 private:
  CallTimeout* call_timeout_;
};

// The connection to a database, and what a store keeps beside it. The classes of the face work through read() and
// write().
class Database {
 public:
  Database(std::string the_owner, const Location& location);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  void close();

  // Runs `work(session)`, which returns a Result, with the connection to itself.
  template <class Work>
  auto read(Work work) {
    const std::lock_guard lock(mutex);
    const CallEnd end(call_timeout.get());
    return guarded([&] { return connected([&] { return work(session); }); });
  }

  // Runs `work(session, effects)` in a transaction, which is committed if the Result that it returns is a value.
  template <class Work>
  auto write(Work work) {
    return transact(dialect.begin_durable, std::move(work));
  }
  // The same for claims, which mean nothing to the next start: no need to wait for the disk.
  template <class Work>
  auto write_claims(Work work) {
    return transact(dialect.begin_volatile, std::move(work));
  }

  template <class Work>
  auto transact(const Dialect::Begin& begin, Work work) {
    std::function<void(const Claimable&)> told;
    Effects effects;
    bool committing = false;
    auto result = [&] {
      const std::lock_guard lock(mutex);
      const CallEnd end(call_timeout.get());
      told = listener;
      return guarded([&] {
        using Value = std::invoke_result_t<Work, soci::session&, Effects&>;
        if (damage) return Value(tl::unexpected(*damage));
        const auto transaction = connected([&] { return std::make_unique<Transaction>(session, begin); });
        Value value = work(session, effects);
        if (!value) return value;
        count(effects);
        committing = true;
        if (dialect.server && (effects.concerns_others || !effects.woken.empty())) {
          transaction->commit_and_tell();
          ++own_changes;
        } else {
          transaction->commit();
        }
        committing = false;
        for (const auto& [number, claim] : effects.claimed) held[number] = claim;
        for (const auto number : effects.given_back) held.erase(number);
        return value;
      });
    }();
    // A commit whose answer was lost may have come through.
    if ((result || committing) && told)
      for (const auto& [state, woken] : effects.woken) told(woken);
    return result;
  }

  Batches batches() { return {session, dialect.rows_at_once, call_timeout.get()}; }

  // For changes of runs that the owner has claimed; within a transaction.
  ChangeWriter& writer();

  // Of a row that can be no run's: it is told once and left alone. One that was claimed stays claimed, out of the way.
  void refuse(const RunRow& row, const std::string& problem) {
    constexpr std::size_t kMost = 1000;
    if (refused.size() < kMost && refused.insert(row.number()).second)
      untold.push_back(row.text() + " is left alone, since no mig-runner has written it: " + problem);
  }

  // The runs that `sql` selects or returns; `bind` adds its parameters.
  template <class Bind>
  std::vector<Run> runs(const std::string& sql, Bind bind) {
    soci::statement statement(session);
    RunRow row;
    row.read_from(statement);
    bind(statement);
    prepare(statement, sql, true);
    statement.execute();
    std::vector<Run> found;
    while (statement.fetch()) {
      if (const auto problem = row.problem(); problem.empty()) {
        found.push_back(row.run());
      } else {
        refuse(row, problem);
      }
    }
    return found;
  }

  // Group::set_jobs(); null without a group.
  const Membership::Hashes* hashes() const { return membership ? &membership->planned_hashes() : nullptr; }
  // As Membership has them. Without a group nothing is to be required.
  Result<void> require_lease(Retry retry) {
    return membership ? membership->require_lease(session, place, retry) : Result<void>();
  }
  Result<void> require_right_clock() {
    return membership ? membership->require_right_clock(session, place) : Result<void>();
  }
  // Binds the parameters of a member, for the statements of store/sql/claimable.h.
  void bind_member(soci::statement& statement) const {
    if (membership) membership->bind(statement);
  }

  // Guards all below but what is const, and `call_timeout` and the lease of `membership`, which guard themselves. The
  // two are there before others know the store, and go when nothing is called any more.
  std::mutex mutex;
  std::string owner;
  LockWait lock_wait{LockWait::kRunner};  // with SQLite; guards itself
  soci::session session;
  std::function<void(const Claimable&)> listener;
  std::optional<Error> damage;      // found in the middle of work: from then on nothing is written
  std::set<std::int64_t> refused;   // rows that are no runs
  std::vector<std::string> untold;  // of them, for take_refused()
  long long data_version = 0;       // as written_by_others() last saw it
  long long own_changes = 0;        // of the counter `changes`, by this connection
  std::chrono::steady_clock::time_point no_connection_before{};  // a server that is away is not asked all the time
  std::exception_ptr no_connection;                              // why the last try failed

  std::unique_ptr<Membership> membership;     // of a member of a group, else null
  std::unique_ptr<CallTimeout> call_timeout;  // with a server, else null
  // Gives back what is claimed in this member's name but not held. Throws what SOCI throws.
  void release_unknown();

  // The runs that this store's owner knows to have claimed, with the claim of each: whoever still has a run of an
  // earlier claim may not change it any more.
  std::map<std::int64_t, std::uint64_t> held;
  std::uint64_t last_claim = 0;
  bool holds(const Run& run) const {
    const auto found = held.find(run.number);
    return found != held.end() && found->second == run.claim;
  }

  // Both are there before others know the store, and stay.
  std::function<Result<void>()> launch_condition;
  std::optional<OpenedPath> file;       // of SQLite
  std::atomic<bool> file_lost = false;  // at the last look
  // As RunStore has it.
  Result<void> may_launch() const;

  const std::string uri;    // of a PostgreSQL database; empty for SQLite
  const std::string place;  // the database, for errors
  const std::string tree;   // as Group::tree(); empty without a group
  const Dialect& dialect;

  // The connection is made where there is none. Throws what SOCI throws.
  void connect();
  // Moves all that SQLite's log holds into the file.
  void finish_log();
  // Counts a change that other processes must hear of. For a server.
  void tell_others();
  // A number that changes when another connection writes what others must hear of. Throws what SOCI throws.
  long long version_by_others();

 private:
  // Runs `work`, which has changed nothing yet where it fails, once more where the connection turns out to be lost.
  template <class Work>
  auto connected(Work work) {
    if (!dialect.server) return work();
    prepare_connection();
    try {
      return work();
    } catch (const soci::soci_error&) {
      if (!connection_lost(session)) throw;
    }
    prepare_connection();
    return work();
  }

  template <class Work>
  auto guarded(Work work) -> std::invoke_result_t<Work> {
    note_progress();
    try {
      return work();
    } catch (...) {
      return tl::unexpected(failed());
    }
  }
  std::unique_ptr<ChangeWriter> writer_;  // made when it is needed first; ends before the session

  void prepare_connection();
  void disconnect();
  Error failed();
  void count(const Effects& effects);
};

}  // namespace mig_runner::store

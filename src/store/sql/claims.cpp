#include "store/claims.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "store/sql/change_writer.h"
#include "store/sql/claimable.h"
#include "store/sql/database.h"
#include "store/sql/sql_text.h"

namespace mig_runner::store {
namespace {

using soci::into;
using soci::use;

// Longer than any stage pauses between two tries of a run.
constexpr std::chrono::hours kLongestPause{1};

std::optional<RunState> state_of(soci::session& session, std::int64_t run) {
  int number = 0;
  session << "SELECT state FROM runs WHERE number = :number", into(number), use(run, "number");
  if (!session.got_data()) return std::nullopt;
  return to_state(number);
}

bool is_paused(soci::session& session, const Run& run) {
  int paused = 0;
  session << R"(SELECT count(*) FROM jobs JOIN runs ON runs.job = jobs.number
WHERE runs.number = :number AND paused_at_run >= runs.number)",
      into(paused), use(run.number, "number");
  return paused != 0;
}

void bind_excepted(soci::statement& statement, std::span<const std::string> except) {
  for (std::size_t i = 0; i < except.size(); ++i) statement.exchange(use(except[i], "except" + std::to_string(i)));
}

// Why a change could not be applied.
Error refusal(soci::session& session, const Change& change, const std::string& owner) {
  const auto refuse = [&](std::string what) { return Error{std::move(what), change.run.name(), Retry::no}; };
  int number = 0;
  std::string holder;
  soci::indicator held = soci::i_null;
  session << "SELECT state, owner FROM runs WHERE number = :number", into(number), into(holder, held),
      use(change.run.number, "number");
  if (!session.got_data()) return refuse("there is no such run");
  const auto state = to_state(number);
  if (state != change.from)
    return refuse("it is " + std::string(state_name(state)) + " by now, not " + std::string(state_name(change.from)));
  if (held == soci::i_ok && holder == owner && change.run.state == RunState::signed_ && is_paused(session, change.run))
    return refuse("its job is paused");
  if (held == soci::i_ok && holder == owner) return refuse("it was claimed anew since");
  return refuse(held == soci::i_ok ? "it is claimed by " + holder + ", not by " + owner : "it is not claimed");
}

}  // namespace

void Claims::on_change(std::function<void(const Claimable&)> listener) {
  const std::lock_guard lock(database_.mutex);
  database_.listener = std::move(listener);
}

Result<std::vector<Run>> Claims::claim(std::span<const RunState> states, Timestamp now, int limit,
                                       std::span<const std::string> except) {
  if (states.empty() || limit <= 0) return {};
  return database_.write_claims([&](soci::session&, Effects& effects) -> Result<std::vector<Run>> {
    if (auto live = database_.require_lease(Retry::later); !live) return tl::unexpected(live.error());
    const bool launches = std::find(states.begin(), states.end(), RunState::due) != states.end();
    if (auto may = launches ? database_.may_launch() : Result<void>(); !may) return tl::unexpected(may.error());
    const bool by_clock =
        std::any_of(states.begin(), states.end(), [](auto state) { return state != RunState::stored; });
    if (auto right = by_clock ? database_.require_right_clock() : Result<void>(); !right)
      return tl::unexpected(right.error());
    const long long due = now.time_since_epoch().count();
    auto runs =
        database_.runs(claim_statement(database_.dialect, states, database_.membership != nullptr, except.size()),
                       [&](soci::statement& statement) {
                         statement.exchange(use(database_.owner, "owner"));
                         statement.exchange(use(due, "now"));
                         database_.bind_member(statement);
                         bind_excepted(statement, except);
                         statement.exchange(use(limit, "limit"));
                       });
    std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) {
      return std::tie(a.wake, a.nominal, a.number) < std::tie(b.wake, b.nominal, b.number);
    });
    for (auto& run : runs) {
      run.claim = ++database_.last_claim;
      effects.claimed[run.number] = run.claim;
    }
    return runs;
  });
}

Result<std::vector<Claimable>> Claims::claimable(std::span<const RunState> states, int limit,
                                                 std::span<const std::string> except) {
  if (states.empty()) return {};
  return database_.read([&](soci::session& session) -> Result<std::vector<Claimable>> {
    int state = 0;
    long long at = 0;
    long long runs = 0;
    soci::statement statement(session);
    statement.exchange(into(state));
    statement.exchange(into(at));
    statement.exchange(into(runs));
    statement.exchange(use(limit, "limit"));
    database_.bind_member(statement);
    bind_excepted(statement, except);
    prepare(statement, upcoming_statement(states, database_.membership != nullptr, except.size()), true);
    statement.execute();
    std::vector<Claimable> found;
    while (statement.fetch())
      found.push_back({to_state(state), Timestamp(std::chrono::milliseconds(at)), static_cast<int>(runs)});
    return found;
  });
}

Result<std::optional<Timestamp>> Claims::next_wake(std::span<const RunState> states,
                                                   std::span<const std::string> except) {
  const auto found = claimable(states, 1, except);
  if (!found) return tl::unexpected(found.error());
  const auto earliest = std::min_element(
      found->begin(), found->end(), [](const Claimable& a, const Claimable& b) { return a.earliest < b.earliest; });
  if (earliest == found->end()) return std::nullopt;
  return earliest->earliest;
}

Result<void> Claims::release(std::span<const Run> runs) {
  return database_.write_claims([&](soci::session&, Effects& effects) -> Result<void> {
    for (const auto& run : runs) {
      if (!database_.holds(run)) continue;
      effects.given_back.push_back(run.number);
      const auto released = database_.runs(
          sql("UPDATE runs SET owner = NULL WHERE number = :number AND owner = :owner RETURNING {run_columns}"),
          [&](soci::statement& statement) {
            statement.exchange(use(run.number, "number"));
            statement.exchange(use(database_.owner, "owner"));
          });
      for (const auto& free : released) effects.claimable(free);
    }
    return {};
  });
}

Result<void> Claims::release_all() {
  {
    const std::lock_guard lock(database_.mutex);
    // Also where what follows fails: release_unknown() finds them then.
    database_.held.clear();
  }
  return database_.write_claims([&](soci::session& session, Effects& effects) -> Result<void> {
    effects.concerns_others = true;
    session << "UPDATE runs SET owner = NULL WHERE owner = :owner", use(database_.owner, "owner");
    return {};
  });
}

Result<void> Claims::record(std::span<const Change> changes) {
  return database_.write([&](soci::session& session, Effects& effects) -> Result<void> {
    if (auto live = database_.require_lease(Retry::no); !live) return live;
    const auto launches = [](const Change& change) { return change.run.state == RunState::signed_; };
    if (std::any_of(changes.begin(), changes.end(), launches))
      if (auto may = database_.may_launch(); !may) return fail(may.error().what, may.error().where, Retry::later);
    for (const auto& change : changes)
      if (!database_.holds(change.run)) return tl::unexpected(refusal(session, change, database_.owner));
    if (const auto* refused = database_.writer().write(database_.batches(), changes))
      return tl::unexpected(refusal(session, *refused, database_.owner));
    for (const auto& change : changes) effects.changed(change);
    return {};
  });
}

Result<void> Claims::repair(const Change& change) {
  return database_.write([&](soci::session& session, Effects& effects) -> Result<void> {
    if (ChangeWriter(nullptr).write(database_.batches(), {&change, 1}) == nullptr) {
      effects.changed(change);
      return {};
    }
    const auto state = state_of(session, change.run.number);
    if (state != change.from) return tl::unexpected(refusal(session, change, database_.owner));
    return fail("the runner works on it at the moment: try again", change.run.name(), Retry::later);
  });
}

Result<void> Claims::bring_forward(Timestamp now) {
  return database_.write([&](soci::session&, Effects& effects) -> Result<void> {
    if (auto right = database_.require_right_clock(); !right) return right;
    const long long due = now.time_since_epoch().count();
    const long long far = (now + kLongestPause).time_since_epoch().count();
    const auto moved = database_.runs(sql(R"(UPDATE runs SET wake = :due
WHERE wake IS NOT NULL AND owner IS NULL AND attempts > 0 AND wake > :far
RETURNING {run_columns})"),
                                      [&](soci::statement& statement) {
                                        statement.exchange(use(due, "due"));
                                        statement.exchange(use(far, "far"));
                                      });
    for (const auto& run : moved) effects.claimable(run);
    return {};
  });
}

Result<void> Claims::forget_result(std::int64_t number) {
  return database_.write([&](soci::session& session, Effects&) -> Result<void> {
    soci::statement statement =
        (session.prepare << sql("UPDATE runs SET result_file = '' WHERE number = :number AND {settled}"),
         use(number, "number"));
    statement.execute(true);
    if (statement.get_affected_rows() != 1)
      return fail("run " + std::to_string(number) + " has no result file, or something still waits for it");
    return {};
  });
}

}  // namespace mig_runner::store

#include "store/queries.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "store/sql/clean_text.h"
#include "store/sql/database.h"
#include "store/sql/documents.h"
#include "store/sql/sql_text.h"

namespace mig_runner::store {
namespace {

using soci::into;
using soci::use;

bool is_failure(RunState state) {
  return state == RunState::refused || state == RunState::missed || state == RunState::invalid ||
         state == RunState::collect_failed || state == RunState::undeliverable;
}

std::optional<Run> first(std::vector<Run> runs) {
  if (runs.empty()) return std::nullopt;
  return std::move(runs.front());
}

}  // namespace

Result<std::vector<std::string>> Queries::signatures(const Run& run) {
  return database_.read([&](soci::session& session) -> Result<std::vector<std::string>> {
    return read_documents(session, run, DocumentKind::signature);
  });
}

Result<std::optional<std::string>> Queries::action(const Run& run) {
  return database_.read([&](soci::session& session) -> Result<std::optional<std::string>> {
    auto found = read_documents(session, run, DocumentKind::action);
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
  });
}

Result<bool> Queries::overlaps(const Run& run) {
  const auto name = clean_text(run.job);
  const long long nominal = run.nominal.time_since_epoch().count();
  return database_.read([&](soci::session& session) -> Result<bool> {
    long long number = 0;
    session << sql(R"(SELECT number FROM runs
WHERE {of_job} AND number <> :number
  AND state <= {posted} AND NOT (state = {posted} AND result_file <> '')
  AND (state > {due} OR nominal < :nominal)
LIMIT 1)"),
        into(number), use(name, "job"), use(run.number, "number"), use(nominal, "nominal");
    return session.got_data();
  });
}

Result<std::vector<Run>> Queries::uncollected() {
  return database_.read([&](soci::session&) -> Result<std::vector<Run>> {
    return database_.runs(sql(R"(SELECT {run_columns} FROM runs
WHERE state <= {posted} AND state >= {signed} AND NOT (state = {posted} AND result_file <> ''))"),
                          [](soci::statement&) {});
  });
}

Result<std::vector<Timestamp>> Queries::posted_since(Timestamp since) {
  return database_.read([&](soci::session& session) -> Result<std::vector<Timestamp>> {
    const long long earliest = since.time_since_epoch().count();
    long long posted = 0;
    const bool of_group = !database_.tree.empty();
    soci::statement statement(session);
    statement.exchange(into(posted));
    statement.exchange(use(earliest, "since"));
    if (of_group) statement.exchange(use(database_.tree, "tree"));
    prepare(statement,
            sql(R"(SELECT posted_at FROM runs
WHERE posted_at IS NOT NULL AND posted_at >= :since {in_tree}
ORDER BY posted_at)",
                {{"in_tree", of_group ? "AND launched_by = :tree" : ""}}),
            true);
    statement.execute();
    std::vector<Timestamp> found;
    while (statement.fetch()) found.emplace_back(std::chrono::milliseconds(posted));
    return found;
  });
}

Result<std::vector<Run>> Queries::settled_results(const std::string& job) {
  const auto name = clean_text(job);
  return database_.read([&](soci::session&) -> Result<std::vector<Run>> {
    return database_.runs(sql(R"(SELECT {run_columns} FROM runs
WHERE {of_job} AND {settled} {in_tree}
ORDER BY nominal DESC)",
                              {{"in_tree", database_.membership ? "AND collected_by = :tree" : ""}}),
                          [&](soci::statement& statement) {
                            statement.exchange(use(name, "job"));
                            if (database_.membership) statement.exchange(use(database_.tree, "tree"));
                          });
  });
}

Result<std::optional<Run>> Queries::find(const std::string& job, Timestamp nominal) {
  const auto name = clean_text(job);
  const long long time = nominal.time_since_epoch().count();
  return database_.read([&](soci::session&) -> Result<std::optional<Run>> {
    return first(database_.runs(sql("SELECT {run_columns} FROM runs WHERE {of_job} AND nominal = :nominal"),
                                [&](soci::statement& statement) {
                                  statement.exchange(use(name, "job"));
                                  statement.exchange(use(time, "nominal"));
                                }));
  });
}

Result<std::optional<Run>> Queries::find_action(std::int64_t action_id) {
  return database_.read([&](soci::session&) -> Result<std::optional<Run>> {
    return first(database_.runs(sql(R"(SELECT {run_columns} FROM runs
WHERE action_id = :action AND action_id <> 0
ORDER BY nominal DESC LIMIT 1)"),
                                [&](soci::statement& statement) { statement.exchange(use(action_id, "action")); }));
  });
}

// Those that are claimed and those that are not, each by an index of its own.
Result<std::vector<Run>> Queries::waiting(RunState state) {
  const int number = static_cast<int>(state);
  return database_.read([&](soci::session&) -> Result<std::vector<Run>> {
    std::vector<Run> found;
    for (const auto* is_claimed : {"owner IS NULL", "owner IS NOT NULL"}) {
      auto some = database_.runs(
          sql("SELECT {run_columns} FROM runs WHERE wake IS NOT NULL AND state = :state AND {is_claimed}",
              {{"is_claimed", is_claimed}}),
          [&](soci::statement& statement) { statement.exchange(use(number, "state")); });
      found.insert(found.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
    }
    std::sort(found.begin(), found.end(), [](const Run& a, const Run& b) {
      return std::tie(a.wake, a.nominal, a.number) < std::tie(b.wake, b.nominal, b.number);
    });
    return found;
  });
}

Result<std::vector<Run>> Queries::history(const std::string& job, int limit, std::span<const RunState> states) {
  const auto name = clean_text(job);
  const auto list = state_list(states);
  const auto in_states = states.empty() ? "" : "AND state IN (" + list + ")";
  // Says nothing new, but lets few be found among many by their index.
  const auto all_failed = !states.empty() && std::all_of(states.begin(), states.end(), is_failure);
  return database_.read([&](soci::session&) -> Result<std::vector<Run>> {
    return database_.runs(sql(R"(SELECT {run_columns} FROM runs
WHERE {of_that_job} {in_states} {all_failed}
ORDER BY nominal DESC, number DESC LIMIT :limit)",
                              {{"of_that_job", job.empty() ? "1 = 1" : sql("{of_job}")},
                               {"in_states", in_states},
                               {"all_failed", all_failed ? sql("AND {failed}") : ""}}),
                          [&](soci::statement& statement) {
                            if (!job.empty()) statement.exchange(use(name, "job"));
                            statement.exchange(use(limit, "limit"));
                          });
  });
}

Result<std::vector<Run>> Queries::last_runs() {
  return database_.read([&](soci::session&) -> Result<std::vector<Run>> {
    return database_.runs(sql(R"(SELECT {run_columns} FROM runs
WHERE number IN (
  SELECT (SELECT newest.number FROM runs AS newest
          WHERE newest.job = jobs.number
          ORDER BY newest.nominal DESC, newest.number DESC LIMIT 1)
  FROM jobs))"),
                          [](soci::statement&) {});
  });
}

Result<std::vector<Run>> Queries::failed_since(Timestamp since, int limit) {
  const long long earliest = since.time_since_epoch().count();
  return database_.read([&](soci::session&) -> Result<std::vector<Run>> {
    return database_.runs(
        sql("SELECT {run_columns} FROM runs WHERE {failed} AND nominal >= :since ORDER BY nominal DESC LIMIT :limit"),
        [&](soci::statement& statement) {
          statement.exchange(use(earliest, "since"));
          statement.exchange(use(limit, "limit"));
        });
  });
}

Result<std::map<RunState, std::int64_t>> Queries::counts() {
  return database_.read([](soci::session& session) -> Result<std::map<RunState, std::int64_t>> {
    long long state = 0;
    long long runs = 0;
    soci::statement statement = (session.prepare << "SELECT state, CAST(sum(runs) AS bigint) FROM tally GROUP BY state",
                                 into(state), into(runs));
    statement.execute();
    std::map<RunState, std::int64_t> found;
    while (statement.fetch())
      if (runs != 0 && is_state(state)) found[to_state(state)] = runs;
    return found;
  });
}

}  // namespace mig_runner::store

#include <algorithm>
#include <iterator>
#include <tuple>

#include "store/sql/clean_text.h"
#include "store/sql/documents.h"
#include "store/sql/database.h"

namespace mig_runner::store {
namespace {

using soci::into;
using soci::use;

constexpr std::string_view kOfJob = "job = (SELECT jobs.number FROM jobs WHERE jobs.name = :job)";

std::string select(const std::string& rest) {
  return "SELECT " + RunRow::selected() + " FROM runs " + rest;
}

std::string is_in(std::span<const RunState> states) {
  std::string numbers;
  for (const auto state : states) numbers += (numbers.empty() ? "" : ", ") + std::to_string(static_cast<int>(state));
  return "state IN (" + numbers + ")";
}

bool is_failure(RunState state) {
  return state == RunState::refused || state == RunState::missed || state == RunState::invalid ||
         state == RunState::collect_failed || state == RunState::undeliverable;
}

std::optional<Run> first(std::vector<Run> runs) {
  if (runs.empty()) return std::nullopt;
  return std::move(runs.front());
}

}  // namespace

Result<std::vector<std::string>> RunStore::signatures(const Run& run) {
  return impl_->read([&](soci::session& session) -> Result<std::vector<std::string>> {
    return read_documents(session, run, DocumentKind::signature);
  });
}

Result<std::optional<std::string>> RunStore::action(const Run& run) {
  return impl_->read([&](soci::session& session) -> Result<std::optional<std::string>> {
    auto found = read_documents(session, run, DocumentKind::action);
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
  });
}

Result<bool> RunStore::overlaps(const Run& run) {
  const auto name = clean_text(run.job);
  const long long nominal = run.nominal.time_since_epoch().count();
  return impl_->read([&](soci::session& session) -> Result<bool> {
    long long number = 0;
    session << "SELECT number FROM runs WHERE " << kOfJob
            << " AND state <= 3 AND NOT (state = 3 AND result_file <> '') AND number <> :number"
               " AND (state > 0 OR nominal < :nominal) LIMIT 1",
        into(number), use(name, "job"), use(run.number, "number"), use(nominal, "nominal");
    return session.got_data();
  });
}

Result<std::vector<Run>> RunStore::uncollected() {
  return impl_->read([&](soci::session&) -> Result<std::vector<Run>> {
    return impl_->runs(select("WHERE state <= 3 AND state >= 1 AND NOT (state = 3 AND result_file <> '')"),
                       [](soci::statement&) {});
  });
}

Result<std::vector<Timestamp>> RunStore::posted_since(Timestamp since) {
  return impl_->read([&](soci::session& session) -> Result<std::vector<Timestamp>> {
    const long long earliest = since.time_since_epoch().count();
    long long posted = 0;
    const bool of_group = impl_->dialect.server;
    soci::statement statement(session);
    statement.exchange(into(posted));
    statement.exchange(use(earliest, "since"));
    if (of_group) statement.exchange(use(impl_->tree, "tree"));
    prepare(statement,
            std::string("SELECT posted_at FROM runs WHERE posted_at IS NOT NULL AND posted_at >= :since") +
                (of_group ? " AND launched_by = :tree" : "") + " ORDER BY posted_at",
            true);
    statement.execute();
    std::vector<Timestamp> found;
    while (statement.fetch()) found.emplace_back(std::chrono::milliseconds(posted));
    return found;
  });
}

Result<std::vector<Run>> RunStore::settled_results(const std::string& job) {
  const auto name = clean_text(job);
  return impl_->read([&](soci::session&) -> Result<std::vector<Run>> {
    return impl_->runs(select("WHERE " + std::string(kOfJob) + " AND " + std::string(Impl::kSettled) +
                              (impl_->lease ? " AND collected_by = :tree" : "") + " ORDER BY nominal DESC"),
                       [&](soci::statement& statement) {
                         statement.exchange(use(name, "job"));
                         if (impl_->lease) statement.exchange(use(impl_->tree, "tree"));
                       });
  });
}

Result<std::optional<Run>> RunStore::find(const std::string& job, Timestamp nominal) {
  const auto name = clean_text(job);
  const long long time = nominal.time_since_epoch().count();
  return impl_->read([&](soci::session&) -> Result<std::optional<Run>> {
    return first(impl_->runs(select("WHERE " + std::string(kOfJob) + " AND nominal = :nominal"),
                             [&](soci::statement& statement) {
                               statement.exchange(use(name, "job"));
                               statement.exchange(use(time, "nominal"));
                             }));
  });
}

Result<std::optional<Run>> RunStore::find_action(std::int64_t action_id) {
  return impl_->read([&](soci::session&) -> Result<std::optional<Run>> {
    return first(impl_->runs(select("WHERE action_id = :action AND action_id <> 0 ORDER BY nominal DESC LIMIT 1"),
                             [&](soci::statement& statement) { statement.exchange(use(action_id, "action")); }));
  });
}

// Those that are claimed and those that are not, each by an index of its own.
Result<std::vector<Run>> RunStore::waiting(RunState state) {
  const int number = static_cast<int>(state);
  return impl_->read([&](soci::session&) -> Result<std::vector<Run>> {
    std::vector<Run> found;
    for (const auto* whose : {"owner IS NULL", "owner IS NOT NULL"}) {
      auto some = impl_->runs(select("WHERE wake IS NOT NULL AND state = :state AND " + std::string(whose)),
                              [&](soci::statement& statement) { statement.exchange(use(number, "state")); });
      found.insert(found.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
    }
    std::sort(found.begin(), found.end(), [](const Run& a, const Run& b) {
      return std::tie(a.wake, a.nominal, a.number) < std::tie(b.wake, b.nominal, b.number);
    });
    return found;
  });
}

Result<std::vector<Run>> RunStore::history(const std::string& job, int limit, std::span<const RunState> states) {
  const auto name = clean_text(job);
  std::string conditions = job.empty() ? "" : std::string(kOfJob);
  if (!states.empty()) conditions += (conditions.empty() ? "" : " AND ") + is_in(states);
  // Says nothing new, but lets few be found among many by their index.
  if (!states.empty() && std::all_of(states.begin(), states.end(), is_failure))
    conditions += " AND " + std::string(Impl::kFailed);
  return impl_->read([&](soci::session&) -> Result<std::vector<Run>> {
    return impl_->runs(
        select((conditions.empty() ? "" : "WHERE " + conditions) + " ORDER BY nominal DESC, number DESC LIMIT :limit"),
        [&](soci::statement& statement) {
          if (!job.empty()) statement.exchange(use(name, "job"));
          statement.exchange(use(limit, "limit"));
        });
  });
}

Result<std::vector<Run>> RunStore::last_runs() {
  return impl_->read([&](soci::session&) -> Result<std::vector<Run>> {
    return impl_->runs(select("WHERE number IN (SELECT (SELECT newest.number FROM runs AS newest WHERE newest.job ="
                              " jobs.number ORDER BY newest.nominal DESC, newest.number DESC LIMIT 1) FROM jobs)"),
                       [](soci::statement&) {});
  });
}

Result<std::vector<Run>> RunStore::failed_since(Timestamp since, int limit) {
  const long long earliest = since.time_since_epoch().count();
  return impl_->read([&](soci::session&) -> Result<std::vector<Run>> {
    return impl_->runs(
        select("WHERE " + std::string(Impl::kFailed) + " AND nominal >= :since ORDER BY nominal DESC LIMIT :limit"),
        [&](soci::statement& statement) {
          statement.exchange(use(earliest, "since"));
          statement.exchange(use(limit, "limit"));
        });
  });
}

Result<std::map<RunState, std::int64_t>> RunStore::counts() {
  return impl_->read([](soci::session& session) -> Result<std::map<RunState, std::int64_t>> {
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

// What only reads of RunStore, and the removal of result files.

#include <array>

#include "store/run_row.h"
#include "store/run_store.h"
#include "store/run_store_impl.h"

namespace mig_runner::store {
namespace {

using soci::into;
using soci::use;

std::string select(const std::string& rest) {
  return std::string("SELECT ") + RunRow::columns() + " FROM run " + rest;
}

std::optional<Run> first(std::vector<Run> runs) {
  return runs.empty() ? std::optional<Run>() : std::move(runs.front());
}

constexpr int kPosted = static_cast<int>(RunState::posted);

}  // namespace

Result<std::vector<std::string>> RunStore::signatures(const Run& run) {
  return impl_->guarded([&] {
    const long long number = run.number;
    const int kind = kSignature;
    std::string body;
    std::vector<std::string> bodies;
    soci::statement statement =
        (impl_->session->prepare << "SELECT body FROM document WHERE run = :run AND kind = :kind ORDER BY position",
         use(number), use(kind), into(body));
    statement.execute();
    while (statement.fetch()) bodies.push_back(body);
    return bodies;
  });
}

Result<std::optional<std::string>> RunStore::action(const Run& run) {
  return impl_->guarded([&] {
    const long long number = run.number;
    const int kind = kAction;
    std::string body;
    *impl_->session << "SELECT body FROM document WHERE run = :run AND kind = :kind", use(number), use(kind),
        into(body);
    return impl_->session->got_data() ? std::optional<std::string>(body) : std::nullopt;
  });
}

Result<bool> RunStore::has_unfinished(const std::string& job, std::int64_t except_number) {
  return impl_->guarded([&] {
    const long long number = except_number;
    int found = 0;
    *impl_->session << "SELECT COUNT(*) FROM run WHERE wake IS NOT NULL AND state IN " +
                           state_list(
                               std::array{RunState::due, RunState::signed_, RunState::unknown, RunState::posted}) +
                           " AND job = :job AND number <> :number AND NOT (state = :posted AND result_file <> '')",
        use(job), use(number), use(kPosted), into(found);
    return found > 0;
  });
}

Result<std::vector<Timestamp>> RunStore::posted_since(Timestamp since) {
  return impl_->guarded([&] {
    // A run is posted soon after its nominal time: no need to look through all of history.
    const auto from = count(since);
    const auto oldest = count(since - std::chrono::hours(48));
    long long posted = 0;
    std::vector<Timestamp> times;
    soci::statement statement =
        (impl_->session->prepare
             << "SELECT posted_at FROM run WHERE nominal >= :oldest AND posted_at >= :since ORDER BY posted_at",
         use(oldest), use(from), into(posted));
    statement.execute();
    while (statement.fetch()) times.push_back(time_of(posted));
    return times;
  });
}

Result<std::vector<Run>> RunStore::settled_results(const std::string& job) {
  return impl_->guarded([&] {
    return query_runs(*impl_->session,
                      select("WHERE job = :job AND result_file <> '' AND wake IS NULL AND state IN " +
                             state_list(std::array{RunState::stored, RunState::delivered}) + " ORDER BY nominal DESC"),
                      [&](soci::statement& statement) { statement.exchange(use(job, "job")); });
  });
}

Result<void> RunStore::forget_result(std::int64_t number) {
  return impl_->transact([&] {
    const long long which = number;
    *impl_->session << "UPDATE run SET result_file = '' WHERE number = :number AND wake IS NULL", use(which);
  });
}

Result<std::optional<Run>> RunStore::find(const std::string& job, Timestamp nominal) {
  return impl_->guarded([&] {
    const auto time = count(nominal);
    return first(
        query_runs(*impl_->session, select("WHERE job = :job AND nominal = :nominal"), [&](soci::statement& statement) {
          statement.exchange(use(job, "job"));
          statement.exchange(use(time, "nominal"));
        }));
  });
}

Result<std::optional<Run>> RunStore::find_action(std::int64_t action_id) {
  return impl_->guarded([&] {
    const long long id = action_id;
    return first(query_runs(*impl_->session, select("WHERE action_id <> 0 AND action_id = :id"),
                            [&](soci::statement& statement) { statement.exchange(use(id, "id")); }));
  });
}

Result<std::vector<Run>> RunStore::history(const std::string& job, int limit) {
  return impl_->guarded([&] {
    const std::string which = job.empty() ? "" : "WHERE job = :job ";
    return query_runs(*impl_->session, select(which + "ORDER BY nominal DESC, job LIMIT :limit"),
                      [&](soci::statement& statement) {
                        if (!job.empty()) statement.exchange(use(job, "job"));
                        statement.exchange(use(limit, "limit"));
                      });
  });
}

Result<std::map<RunState, std::int64_t>> RunStore::counts() {
  return impl_->guarded([&] {
    std::map<RunState, std::int64_t> counts;
    int state = 0;
    long long runs = 0;
    soci::statement statement =
        (impl_->session->prepare << "SELECT state, runs FROM tally WHERE runs > 0", into(state), into(runs));
    statement.execute();
    while (statement.fetch()) counts[static_cast<RunState>(state)] = runs;
    return counts;
  });
}

}  // namespace mig_runner::store

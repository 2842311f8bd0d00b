#include <fmt/format.h>

#include <array>
#include <deque>
#include <thread>

#include "bench/collected_action.h"
#include "bench/rows.h"
#include "store/administration.h"
#include "store/run_store.h"
#include "support/postgresql_server.h"

// Runners that share a PostgreSQL.

namespace mig_bench {
namespace {

using mig_runner::store::Location;
using mig_runner::store::Run;
using mig_runner::store::RunState;
using mig_runner::store::RunStore;
using mig_runner::test::PostgresqlServer;
using std::chrono::milliseconds;

constexpr int kActions = 20;

Location new_store(PostgresqlServer& server) {
  auto location = Location::parse(server.uri(server.new_database()), "").value();
  if (!make_schema(location)) give_up("no schema can be made");
  return location;
}

// A sandbox that answers as a real server does, which spends about 4 ms on a row: a page of 1,000 takes 3 s, every
// other 5 s. It waits for each request by itself, so that the cores of this machine are not what is measured.
struct SlowApi {
  explicit SlowApi(int agents)
      : sandbox({"--agents", std::to_string(agents), "--away", "0", "--late", "0", "--failed", "0", "--silent", "0",
                 "--speed", "1000000", "--fault", "latency:path=type=command,delay=3s", "--fault",
                 "latency:path=type=command,rate=0.5,delay=2s"}) {
    const auto signer = make_signer();
    for (int i = 0; i < kActions; ++i)
      ids.push_back(
          sandbox.post(signed_action(large_action(), fmt::format("job{}", i), now(), std::chrono::hours(1), *signer)));
    for (const auto id : ids)
      wait_until("the simulated agents", [&] {
        std::this_thread::sleep_for(milliseconds(100));
        return sandbox.action(id).at("status") == "completed";
      });
  }
  Sandbox sandbox;
  std::vector<std::int64_t> ids;
};

void leave_posted(const SlowApi& api, const Location& location, mig_runner::Timestamp expiry) {
  const auto store = RunStore::open_beside(location, "bench").value();
  for (std::size_t i = 0; i < api.ids.size(); ++i) {
    Run run;
    run.job = fmt::format("job{}", i);
    run.nominal = expiry - std::chrono::minutes(5);
    run.state = RunState::posted;
    run.action_id = api.ids[i];
    run.posted_at = run.nominal;
    run.expire_after = run.wake = expiry;
    run.deadline = expiry + std::chrono::hours(1);
    if (!store->adopt(run, api.sandbox.action(run.action_id).dump())) give_up("a run cannot be written");
  }
}

// From the expiry of all actions until all results are stored.
double collect_all(const SlowApi& api, PostgresqlServer& server, int runners) {
  const auto location = new_store(server);
  std::deque<Tree> trees;
  std::vector<LogWatch> logs;
  for (int i = 0; i < runners; ++i) {
    trees.emplace_back(api.sandbox.port(), "store = \"" + location.uri + "\"");
    trees.back().start();
    logs.emplace_back(trees.back().log(), " collected into ");
  }
  const auto expiry = std::chrono::ceil<std::chrono::seconds>(now() + std::chrono::seconds(2));
  leave_posted(api, location, expiry);
  std::this_thread::sleep_for(expiry - now());
  const auto begin = std::chrono::steady_clock::now();
  wait_until("the results", [&] {
    int collected = 0;
    for (auto& log : logs) collected += log.count();
    return collected >= kActions;
  });
  return milliseconds_between(begin, std::chrono::steady_clock::now());
}

// A whole life: planned, claimed, signed, posted, collected, delivered.
void live(RunStore& store, int thread, int batch, std::chrono::steady_clock::time_point end, std::int64_t& lives) {
  const std::string document(2000, 'x');
  const auto due = now();
  for (int round = 0; std::chrono::steady_clock::now() < end; ++round) {
    std::vector<Run> runs(static_cast<std::size_t>(batch));
    for (int i = 0; i < batch; ++i) {
      auto& run = runs[static_cast<std::size_t>(i)];
      run.job = fmt::format("job-{}-{}", thread, i);
      run.nominal = due + milliseconds(round);
      run.wake = due;
    }
    if (!store.add(runs)) give_up("runs cannot be planned");
    const std::array path{RunState::due, RunState::signed_, RunState::posted, RunState::stored, RunState::delivered};
    std::vector<Run> claimed;
    for (std::size_t step = 0; step + 1 < path.size(); ++step) {
      const auto from = path[step];
      if (from != RunState::signed_) claimed = store.claim({&from, 1}, due, batch).value();
      std::vector<mig_runner::store::Change> changes;
      for (auto& run : claimed) {
        run.state = path[step + 1];
        if (run.state == RunState::delivered) run.wake.reset();
        changes.push_back({from, run, {}});
        changes.back().keep_claim = run.state == RunState::signed_;
        if (run.state == RunState::signed_) changes.back().documents.signature = document;
        if (run.state == RunState::posted) changes.back().documents.action = document;
        changes.back().drop_documents = run.state == RunState::stored;
      }
      if (!store.record(changes)) give_up("runs cannot be recorded");
    }
    lives += static_cast<std::int64_t>(claimed.size());
  }
}

double lives_a_second(int members, int batch, std::chrono::seconds how_long) {
  PostgresqlServer server(true);
  const auto location = new_store(server);
  std::vector<std::unique_ptr<RunStore>> stores;
  std::vector<std::int64_t> lives(static_cast<std::size_t>(members));
  for (int i = 0; i < members; ++i) stores.push_back(std::move(RunStore::open(location, "bench", now())->store));
  {
    const auto end = std::chrono::steady_clock::now() + how_long;
    std::vector<std::jthread> threads;
    for (int i = 0; i < members; ++i)
      threads.emplace_back(
          [&, i] { live(*stores[static_cast<std::size_t>(i)], i, batch, end, lives[static_cast<std::size_t>(i)]); });
  }
  std::int64_t all = 0;
  for (const auto some : lives) all += some;
  return static_cast<double>(all) / static_cast<double>(how_long.count());
}

}  // namespace

Rows group_rows(const Options& options) {
  const int agents = options.quick ? 1000 : 5000;
  const SlowApi api(agents);
  PostgresqlServer server;
  std::vector<double> one, two;
  for (int round = 0; round < (options.rounds() + 1) / 2; ++round) {
    one.push_back(collect_all(api, server, 1));
    two.push_back(collect_all(api, server, 2));
  }
  return {
      compared(fmt::format("collecting {} actions of {} commands at 4 ms a row: two runners / one", kActions, agents),
               median(two), median(one), "ms", 0.6)};
}

void print_group_curve() {
  fmt::print("\n| members | runs a batch | runs a second |\n| --- | --- | --- |\n");
  for (const int batch : {1, 50})
    for (const int members : {1, 3, 6})
      fmt::print("| {} | {} | {:.0f} |\n", members, batch, lives_a_second(members, batch, std::chrono::seconds(10)));
}

}  // namespace mig_bench

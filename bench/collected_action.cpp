#include "bench/collected_action.h"

#include <fmt/format.h>

#include <thread>

#include "bench/table.h"

namespace mig_bench {
namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;

constexpr const char* kJob = "collect";

fs::path find_result(const Tree& tree) {
  for (const auto& entry : fs::recursive_directory_iterator(tree.path(fmt::format("tree/runners/{}/results", kJob))))
    if (entry.is_regular_file()) return entry.path();
  give_up("there is no result file");
}

}  // namespace

CollectedAction::CollectedAction(int agents)
    : commands(agents),
      sandbox({"--agents", std::to_string(agents), "--away", "0", "--late", "0", "--failed", "0", "--silent", "0",
               "--speed", "1000000"}) {
  id = sandbox.post(signed_action(large_action(), kJob, now(), std::chrono::hours(1), *make_signer()));
  wait_until("the simulated agents", [&] {
    std::this_thread::sleep_for(milliseconds(100));
    return sandbox.action(id).at("status") == "completed";
  });
}

void leave_launched(const Tree& tree, nlohmann::json action, mig_runner::Timestamp expiry, const std::string& plugin) {
  action["expireafter"] = mig_runner::format_utc(expiry);
  tree.job(kJob, "schedule = 0 0 1 1 *\n", large_action());
  const auto file = fmt::format("tree/runners/{}/inflight/{}.json", kJob, action.at("id").get<std::int64_t>());
  const nlohmann::json record{{"action", action}, {"commands", nullptr}, {"name", kJob}, {"plugin", plugin}};
  write_text(tree.path(file), record.dump());
}

void CollectedAction::leave_in(const Tree& tree, mig_runner::Timestamp expiry, const std::string& plugin) const {
  leave_launched(tree, sandbox.action(id), expiry, plugin);
}

Collecting::Collecting(const CollectedAction& action, const std::string& plugin, const std::string& settings)
    : Collecting(action.sandbox.port(), action.sandbox.action(action.id), plugin, settings) {}

Collecting::Collecting(int port, const nlohmann::json& action, const std::string& plugin, const std::string& settings)
    : tree(port, settings) {
  if (!plugin.empty()) tree.plugin(kPlugin, plugin);
  const auto expiry = std::chrono::ceil<std::chrono::seconds>(now() + std::chrono::seconds(1));
  leave_launched(tree, action, expiry, plugin.empty() ? "" : kPlugin);
  tree.start();
  LogWatch collected(tree.log(), " collected into ");
  std::this_thread::sleep_for(expiry - milliseconds(50) - now());
  const double cpu = tree.runner().cpu_milliseconds();
  std::this_thread::sleep_for(expiry - now());
  const auto begin = std::chrono::steady_clock::now();
  wait_until("the results", [&] { return collected.count() > 0; });
  cost.wall_ms = milliseconds_between(begin, std::chrono::steady_clock::now());
  cost.cpu_ms = tree.runner().cpu_milliseconds() - cpu;
  file = find_result(tree);
}

}  // namespace mig_bench

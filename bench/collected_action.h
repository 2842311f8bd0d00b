#pragma once

#include <cstdint>
#include <filesystem>

#include "bench/stand.h"

namespace mig_bench {

// A sandbox with an action that all of its simulated agents have answered.
struct CollectedAction {
  explicit CollectedAction(int agents);

  // Leaves the action in a new tree as an original runner leaves what it launched: the runner collects it at
  // `expiry`.
  void leave_in(const Tree& tree, mig_runner::Timestamp expiry, const std::string& plugin) const;

  int commands;
  Sandbox sandbox;
  std::int64_t id = 0;
};

// Leaves an action, as the API lists it, in a tree as an original runner leaves what it launched.
void leave_launched(const Tree& tree, nlohmann::json action, mig_runner::Timestamp expiry, const std::string& plugin);

// A runner collects `action` in a new tree and is left running there; `plugin` is a shell script that gets the results.
struct Collecting {
  Collecting(const CollectedAction& action, const std::string& plugin = {}, const std::string& settings = {});
  // An action, as it is listed, of the API on `port`.
  Collecting(int port, const nlohmann::json& action, const std::string& plugin = {}, const std::string& settings = {});
  static constexpr const char* kPlugin = "bench-plugin";

  Tree tree;
  Cost cost;                   // from the action's expiry until the result file is stored
  std::filesystem::path file;  // the result file
};

}  // namespace mig_bench

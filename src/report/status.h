#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "report/json.h"
#include "store/run_store.h"

namespace mig_runner::report {

// How far back failures and remarks are shown.
inline constexpr std::chrono::hours kLately{24};
inline constexpr int kMostFailures = 1000;

// A tree, and its group: who is at work, what is under way, what failed.
struct Status {
  std::filesystem::path directory;
  std::optional<std::string> runner;  // that works on the tree
  std::size_t jobs = 0;
  std::map<store::RunState, std::int64_t> counts;
  std::map<std::string, store::Pause> paused;
  std::vector<store::Member> members;  // none without a group
  std::vector<store::JobDifference> differences;
  std::vector<store::Run> in_flight, to_deliver;
  std::vector<store::Run> failed, remarked;  // lately; of the failed at most kMostFailures

  // Fills in all that the record of runs knows.
  Result<void> read(store::RunStore& store, Timestamp now);
};

// Each job in which members differ, with how they do, for people.
std::map<std::string, std::string> differences_by_job(const std::vector<store::JobDifference>& differences);

Json status_json(const Status& status);

}  // namespace mig_runner::report

#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/command_run.h"
#include "cli/test_tree.h"
#include "store/run_store.h"
#include "store/tree_lock.h"

namespace mig_runner::cli {

inline Timestamp at(const std::string& text) {
  return parse_rfc3339(text).value();
}

// A command as the API writes it.
inline nlohmann::json answer_of(const std::string& agent, const std::string& status, const nlohmann::json& results) {
  return {{"id", 1}, {"agent", {{"name", agent}}}, {"status", status}, {"results", results}};
}
inline nlohmann::json packages(const std::vector<std::pair<std::string, std::string>>& found) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [name, version] : found) list.push_back({{"name", name}, {"version", version}, {"type", "dpkg"}});
  return {
      {{"foundanything", !found.empty()}, {"success", true}, {"elements", {{"packages", list}}}, {"errors", nullptr}}};
}

// A tree that a runner has worked on until the moment of the tests (see run_command): runs in every state, two results
// to compare, a broken job, a disabled and a paused one.
class WorkedTree : public TestTree {
 public:
  WorkedTree() {
    job("listeners", "schedule = \"*/15 * * * *\"\n");
    job("hunt", "schedule = \"30 2 * * mon\"\nenabled = false\n");
    job("broken", "schedule = \"0 9 * *\"\n");
    store_ = std::move(store::RunStore::open(path("state/runs.db"), "runner", at("2026-11-20T00:00:00Z"))->store);
    plan_results();
    plan_others();
    EXPECT_TRUE(store_->pause("listeners", at("2026-11-20T11:50:00Z")));
  }

  // As a runner at work holds it.
  void be_at_work() { lock_.emplace(*store::TreeLock::acquire(path("state"), at("2026-11-20T06:00:00Z"))); }
  store::RunStore& store() { return *store_; }

  CommandRun command(std::vector<std::string> arguments, Terminal terminal = {}) const {
    arguments.insert(arguments.end(), {"-c", config()});
    auto run = run_command(std::move(arguments), terminal);
    run.out = without_host(without_path(run.out));
    run.err = without_host(without_path(run.err));
    return run;
  }

  void write_result(const store::Run& run, const nlohmann::json& commands) const {
    const nlohmann::json action = {{"operations", {{{"module", "pkg"}}}}};
    write(run.result_file,
          nlohmann::json{{"action", action}, {"commands", commands}, {"name", run.job}, {"plugin", run.plugin}}.dump());
  }

 private:
  store::Run planned(const std::string& job, const std::string& nominal, store::RunState state) {
    store::Run run;
    run.job = job;
    run.nominal = at(nominal);
    run.state = state;
    return run;
  }
  store::Run with_result(const std::string& nominal, std::int64_t action, int commands, int expected) {
    auto run = planned("patchlevel", nominal, store::RunState::delivered);
    run.plugin = "report";
    run.action_id = action;
    run.valid_from = run.nominal - std::chrono::minutes(1);
    run.posted_at = run.nominal + std::chrono::milliseconds(400);
    run.expire_after = run.nominal + std::chrono::minutes(5);
    run.stored_at = run.nominal + std::chrono::seconds(302);
    run.delivered_at = run.nominal + std::chrono::seconds(305);
    run.result_file = "runners/patchlevel/results/20261120/" + std::to_string(action) + ".json";
    run.commands = commands;
    run.expected = expected;
    run.complete = commands == expected;
    return run;
  }
  void plan(const store::Run& run) { EXPECT_TRUE(store_->add({&run, 1})); }

  void plan_results() {
    const auto before = with_result("2026-11-19T08:00:00Z", 7001, 4, 4);
    plan(before);
    write_result(before, {answer_of("web-1.example.net", "success", packages({{"linux-image-6.1", "6.1.0-40"}})),
                          answer_of("web-2.example.net", "success", packages({{"linux-image-6.1", "6.1.0-40"}})),
                          answer_of("db-1.example.net", "success", packages({})),
                          answer_of("db-2.example.net", "success", packages({{"linux-image-5.10", "5.10.0-9"}}))});
    auto after = with_result("2026-11-20T08:00:00Z", 7002, 4, 5);
    after.reason = "incomplete: 4 of 5 commands";
    plan(after);
    write_result(after, {answer_of("web-1.example.net", "success", packages({{"linux-image-6.1", "6.1.0-41"}})),
                         answer_of("web-2.example.net", "success", packages({{"linux-image-6.1", "6.1.0-40"}})),
                         answer_of("db-1.example.net", "expired", nullptr),
                         answer_of("evil\x1b[31m.example.net", "success",
                                   {{{"foundanything", false}, {"errors", {"ERROR: no dpkg\nhere"}}}})});
  }

  void plan_others() {
    using store::RunState;
    auto refused = planned("hunt", "2026-11-20T01:30:00Z", RunState::refused);
    refused.reason = "the API answers 500: target is empty";
    plan(refused);
    auto missed = planned("listeners", "2026-11-20T05:45:00Z", RunState::missed);
    missed.reason = "nobody was there to launch it at its time, nor at 22 times before it";
    plan(missed);
    auto posted = planned("listeners", "2026-11-20T11:45:00Z", RunState::posted);
    posted.action_id = 7003;
    posted.posted_at = posted.nominal + std::chrono::milliseconds(400);
    posted.expire_after = at("2026-11-20T12:05:00Z");
    posted.wake = posted.expire_after;
    plan(posted);
    auto waiting = with_result("2026-11-20T09:00:00Z", 7004, 2, 2);
    waiting.state = RunState::stored;
    waiting.delivered_at.reset();
    waiting.attempts = 2;
    waiting.wake = at("2026-11-20T12:01:30Z");
    waiting.reason = "plugin report: exit 1";
    plan(waiting);
    write_result(waiting, {answer_of("web-1.example.net", "success", packages({})),
                           answer_of("web-2.example.net", "success", packages({}))});
  }

  static std::string without_host(std::string text) {
    for (auto from = text.find("process "); from != std::string::npos; from = text.find("process ", from + 1)) {
      const auto since = text.find(" since", from);
      if (since != std::string::npos) text.replace(from, since - from, "process PID on HOST");
    }
    return text;
  }

  std::unique_ptr<store::RunStore> store_;
  std::optional<store::TreeLock> lock_;
};

}  // namespace mig_runner::cli

// What makes a result complete: answers, not rows.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "stages/by_hand.h"
#include "stages/stand.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using store::RunState;
using testing::HasSubstr;

constexpr auto kNoModule =
    R"([{"foundanything":false,"success":false,"elements":null,"statistics":null,"errors":["module 'x' is not available"]}])";

// A run that is posted, of a job whose plugin counts its deliveries.
struct AnswerStand : Stand {
  explicit AnswerStand(int commands, config::JobConfig config = {}) {
    plugin("save", "cat > received; echo \"$MIG_RUNNER_COMPLETE\" >> deliveries");
    config.plugin = "save";
    api.commands_per_action = commands;
    start(make_job("disk", "1 8 * * *", std::move(config)));
    clock.set(at("2026-11-23T08:01:00Z"));
    settle();
  }
  FakeApi::Stored& action() { return api.actions.front(); }
  std::int64_t command(std::size_t index) { return action().commands.at(index); }
  store::Run run() { return history("disk").front(); }
  void collect_by_hand() {
    ASSERT_TRUE(stages::collect_again(*store, run(), clock.now() + 1h, clock.now()));
    settle();
  }
  // MIG_RUNNER_COMPLETE of each.
  std::string deliveries() {
    const auto file = directory.path() / "deliveries";
    return std::filesystem::exists(file) ? read_text(file) : "";
  }
  std::map<std::string, int> statuses() {
    std::map<std::string, int> found;
    const auto document = nlohmann::json::parse(read_text(directory.path() / run().result_file));
    for (const auto& command : document.at("commands")) ++found[command.at("status").get<std::string>()];
    return found;
  }
};

TEST(Answers, ACommandThatWasOnlySentIsWaitedFor) {
  AnswerStand stand(3);
  stand.action().set_all("sent");
  stand.action().statuses[stand.command(0)] = "success";
  stand.pass(5min + 3s);
  EXPECT_EQ(stand.run().state, RunState::posted);
  EXPECT_EQ(stand.run().reason, "1 of 3 commands have ended");
  stand.action().set_all("success");
  stand.action().statuses[stand.command(2)] = "timeout";
  stand.pass(10s);
  EXPECT_EQ(stand.run().state, RunState::delivered) << stand.log.all();
  EXPECT_TRUE(stand.run().complete);
  EXPECT_EQ(stand.run().reason, "");
  EXPECT_EQ(stand.statuses(), (std::map<std::string, int>{{"success", 2}, {"timeout", 1}}));
  EXPECT_EQ(stand.deliveries(), "true\n") << "once, with all of them";
}

TEST(Answers, WaitingForThemAsksLittle) {
  AnswerStand stand(3);
  stand.action().set_all("sent");
  stand.pass(4min + 50s);
  const auto before = stand.api.requests;
  stand.pass(10min);
  EXPECT_EQ(stand.deliveries(), "false\n") << stand.log.all();
  EXPECT_LE(stand.api.requests - before, 20) << "the list is not read while the counters tell that answers are missing";
}

TEST(Answers, WhatStaysWithoutAnswerIsStoredAsIncompleteAndComesLater) {
  AnswerStand stand(5);
  for (const auto index : {3U, 4U}) stand.action().statuses[stand.command(index)] = "sent";
  stand.action().statuses[stand.command(0)] = "timeout";
  stand.pass(8min);
  EXPECT_EQ(stand.run().state, RunState::posted);
  stand.pass(4min);
  const auto first = stand.run();
  EXPECT_FALSE(first.complete);
  EXPECT_EQ(first.commands, 5);
  EXPECT_EQ(first.reason,
            "incomplete: 3 of 5 commands have ended (2 success, 1 timeout), 2 were sent and have not answered yet");
  EXPECT_EQ(stand.log.count("warning disk@2026-11-23T08:01:00Z: 5 commands collected into"), 1) << stand.log.all();
  EXPECT_EQ(stand.deliveries(), "false\n");
  stand.action().statuses[stand.command(3)] = "success";
  stand.action().statuses[stand.command(4)] = "expired";
  stand.pass(12min, 10s);
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_TRUE(stand.run().complete) << stand.log.all();
  EXPECT_EQ(stand.run().reason, "");
  EXPECT_EQ(stand.statuses(), (std::map<std::string, int>{{"success", 3}, {"timeout", 1}, {"expired", 1}}));
  EXPECT_EQ(stand.deliveries(), "false\ntrue\n");
  EXPECT_EQ(stand.log.count("collected again: 2 answers are new: agent-"), 1) << stand.log.all();
}

TEST(Answers, TheCountersMayBeAheadOfTheList) {
  AnswerStand stand(3);
  stand.api.before_page = [](FakeApi::Stored& action) { action.statuses[action.commands[1]] = "sent"; };
  stand.pass(5min + 1s);
  EXPECT_EQ(stand.run().state, RunState::posted);
  EXPECT_THAT(stand.run().reason, HasSubstr("2 of 3 commands have ended (2 success), 1 was sent"));
  stand.api.before_page = {};
  stand.action().statuses.clear();
  stand.pass(10s);
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_EQ(stand.statuses(), (std::map<std::string, int>{{"success", 3}}));
  EXPECT_EQ(stand.deliveries(), "true\n");
}

TEST(Answers, CollectedByHandTheyReplaceTheFileThoughTheirNumberIsTheSame) {
  AnswerStand stand(3);
  stand.action().statuses[stand.command(1)] = "timeout";
  stand.pass(6min);
  ASSERT_EQ(stand.run().state, RunState::delivered);
  stand.action().statuses[stand.command(1)] = "success";
  stand.collect_by_hand();
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_EQ(stand.statuses(), (std::map<std::string, int>{{"success", 3}}));
  EXPECT_EQ(stand.deliveries(), "true\ntrue\n");
  const auto name = "agent-" + std::to_string(stand.command(1) % 1000);
  EXPECT_EQ(stand.log.count("collected again: 1 answer is new: " + name), 1) << stand.log.all();
  stand.collect_by_hand();
  EXPECT_EQ(stand.deliveries(), "true\ntrue\n") << "the same is not delivered twice";
}

TEST(Answers, InAnotherOrderTheyAreTheSame) {
  for (const bool compressed : {false, true}) {
    AnswerStand stand(30);
    stand.settings.compress_results = compressed;
    stand.pass(6min);
    const auto before = read_text(stand.directory.path() / stand.run().result_file);
    std::reverse(stand.action().commands.begin(), stand.action().commands.end());
    stand.collect_by_hand();
    EXPECT_EQ(read_text(stand.directory.path() / stand.run().result_file), before);
    EXPECT_EQ(stand.deliveries(), "true\n");
  }
}

// As after the API's database was put back to yesterday's.
TEST(Answers, WhatWasCollectedOnceIsNotLostAgain) {
  AnswerStand stand(4);
  stand.pass(6min);
  ASSERT_EQ(stand.run().state, RunState::delivered);
  stand.action().statuses[stand.command(0)] = "sent";
  stand.action().statuses[stand.command(1)] = "expired";
  stand.action().commands.pop_back();
  stand.collect_by_hand();
  EXPECT_EQ(stand.statuses(), (std::map<std::string, int>{{"success", 4}}));
  EXPECT_TRUE(stand.run().complete);
  EXPECT_EQ(stand.deliveries(), "true\n");
  stand.action().results[stand.command(2)] = R"([{"success":true,"foundanything":true}])";
  stand.collect_by_hand();
  EXPECT_EQ(stand.statuses(), (std::map<std::string, int>{{"success", 4}})) << "also where something is new";
  EXPECT_EQ(stand.run().commands, 4);
  EXPECT_EQ(stand.deliveries(), "true\ntrue\n");
}

TEST(Answers, ADamagedFileIsSetAsideAndCollectedAnew) {
  AnswerStand stand(3);
  stand.pass(6min);
  const auto file = stand.directory.path() / stand.run().result_file;
  auto text = read_text(file);
  text.replace(text.find("\"commands\":[{\"") + 11, 3, "]]]");  // its ends are as they should be
  write_text(file, text);
  stand.collect_by_hand();
  EXPECT_EQ(read_text(file.string() + ".damaged"), text);
  EXPECT_EQ(stand.statuses(), (std::map<std::string, int>{{"success", 3}})) << stand.log.all();
}

TEST(Answers, CollectCompletedWaitsUntilAllCommandsAreThere) {
  config::JobConfig config;
  config.expiry = 1h;
  config.settings.collect = config::CollectWhen::completed;
  AnswerStand stand(20, config);
  stand.action().status = "preparing";
  stand.pass(2min);
  EXPECT_EQ(stand.run().state, RunState::posted) << "commands are being added";
  for (int i = 0; i < 40; ++i) stand.action().commands.push_back(8'000'000 + i);
  stand.action().sent = 60;
  stand.action().status = "inflight";
  stand.action().statuses[8'000'000] = "sent";
  stand.pass(2min);
  EXPECT_EQ(stand.run().state, RunState::posted) << "one has not answered";
  stand.action().statuses.clear();
  stand.pass(1min);
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_EQ(stand.run().commands, 60);
  EXPECT_EQ(stand.deliveries(), "true\n");
}

TEST(Answers, CollectCompletedGoesOnWaitingWhereTheListIsBehind) {
  config::JobConfig config;
  config.expiry = 1h;
  config.settings.collect = config::CollectWhen::completed;
  AnswerStand stand(3, config);
  stand.api.before_page = [](FakeApi::Stored& action) { action.statuses[action.commands[1]] = "sent"; };
  stand.pass(40min, 10s);
  EXPECT_EQ(stand.run().state, RunState::posted);
  EXPECT_LT(stand.api.requests, 200);
  stand.api.before_page = [](FakeApi::Stored& action) { action.statuses.clear(); };
  stand.action().statuses.clear();
  stand.pass(2min, 10s);
  EXPECT_EQ(stand.run().state, RunState::delivered);
}

TEST(Answers, CommandsThatTheApiNeverListsEndTheRunWithBothCounts) {
  AnswerStand stand(3);
  stand.action().orphan = true;
  stand.pass(9min);
  EXPECT_EQ(stand.run().state, RunState::posted);
  stand.pass(5min);
  EXPECT_EQ(stand.run().state, RunState::collect_failed) << stand.log.all();
  EXPECT_THAT(stand.run().reason, HasSubstr("the API counts 3 commands of its action and lists 0"));
  EXPECT_THAT(stand.run().reason, HasSubstr("signature is missing"));
  EXPECT_EQ(stand.log.count("the API counts 3 commands of its action and lists 0"), 1);
  stand.pass(2h, 10s);
  EXPECT_EQ(stand.api.posts, 1);
  stand.action().orphan = false;  // mended by hand
  stand.collect_by_hand();
  EXPECT_EQ(stand.run().state, RunState::delivered);
}

TEST(Answers, AnOutageTakesNothingFromTheTimeThatTheApiHasToListThem) {
  AnswerStand stand(3);
  stand.action().orphan = true;
  stand.api.down = true;
  stand.pass(3h, 10s);
  stand.api.down = false;
  while (stand.log.count("the API lists only 0 of 3") == 0) stand.pass(1s);
  stand.pass(3min);
  EXPECT_EQ(stand.run().state, RunState::posted) << stand.run().reason;
  stand.action().orphan = false;
  stand.pass(1min);
  EXPECT_EQ(stand.run().state, RunState::delivered);
}

TEST(Answers, WithoutAnyAgentThePluginGetsADocumentWithoutCommands) {
  AnswerStand stand(0);
  stand.action().status = "invalid";
  stand.pass(1min);
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_EQ(stand.run().reason, "no agent matched its target \"status='online'\"");
  EXPECT_TRUE(stand.run().complete);
  EXPECT_EQ(stand.log.count("warning disk@2026-11-23T08:01:00Z: 0 commands collected into"), 1) << stand.log.all();
  const auto document = nlohmann::json::parse(read_text(stand.directory.path() / "received"));
  EXPECT_EQ(document.at("commands"), nlohmann::json::array());
  EXPECT_EQ(document.at("plugin"), "save");
}

TEST(Answers, ATargetThatTheApiRejectsIsToldWithinAMinute) {
  AnswerStand stand(0);
  stand.action().status = "scheduled";
  stand.api.target_complaint = "pq: syntax error at or near \"ORDER\"";
  stand.pass(1min);
  EXPECT_EQ(stand.run().state, RunState::posted);
  const std::string text = "the API cannot use its target \"status='online'\": pq: syntax error at or near \"ORDER\"";
  EXPECT_EQ(stand.run().reason, text);
  EXPECT_EQ(stand.log.count("warning disk@2026-11-23T08:01:00Z: " + text), 1) << stand.log.all();
  EXPECT_EQ(stand.api.target_searches, 1);
  stand.pass(5min);
  EXPECT_EQ(stand.run().state, RunState::invalid);
  EXPECT_EQ(stand.run().reason, text);
  EXPECT_EQ(stand.log.count(text), 2) << "and when it ends";
}

// The API words it as a complaint about the target.
TEST(Answers, ATroubleOfTheDatabaseIsNotHeldAgainstTheTarget) {
  AnswerStand stand(3);
  stand.action().status = "pending";
  stand.action().sent = 0;
  stand.api.target_complaint = "pq: the database system is shutting down";
  stand.pass(1min);
  EXPECT_THAT(stand.run().reason, HasSubstr("shutting down"));
  stand.api.target_complaint.clear();
  stand.pass(5min);
  EXPECT_EQ(stand.run().state, RunState::posted);
  stand.action().status = "completed";
  stand.action().sent = 3;
  stand.pass(5min);
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_EQ(stand.run().reason, "");
}

TEST(Answers, AShortExpiryTellsOfTheTargetToo) {
  config::JobConfig config;
  config.expiry = 10s;
  AnswerStand stand(0, config);
  stand.action().status = "pending";
  stand.api.target_complaint = "pq: column \"nosuch\" does not exist";
  stand.pass(1min);
  EXPECT_EQ(stand.run().state, RunState::invalid);
  EXPECT_THAT(stand.run().reason, HasSubstr("column \"nosuch\" does not exist"));
}

TEST(Answers, AMacroThatNothingDefinesIsSuspected) {
  AnswerStand stand(0);
  stand.action().status = "scheduled";
  auto document = nlohmann::json::parse(stand.action().document);
  document["target"] = "all_linux";
  stand.action().document = document.dump();
  stand.api.target_complaint = "pq: column \"all_linux\" does not exist";
  stand.pass(1min);
  EXPECT_THAT(stand.run().reason, HasSubstr("does not exist; no macro of this name is defined"));
}

TEST(Answers, ASlowSchedulerIsNoFaultOfTheTarget) {
  AnswerStand stand(3);
  stand.action().status = "pending";
  stand.pass(4min);
  EXPECT_EQ(stand.run().reason, "the API's scheduler has not taken it up yet");
  EXPECT_EQ(stand.api.target_searches, 1);
  EXPECT_EQ(stand.log.count("warning"), 0) << stand.log.all();
  stand.action().status = "completed";
  stand.pass(2min);
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_EQ(stand.run().reason, "");
}

TEST(Answers, OneEarlyLookAtARunCostsOneRequest) {
  AnswerStand stand(3);
  stand.pass(4min + 50s);
  EXPECT_EQ(stand.api.requests, 2) << "the post, and the look";
  EXPECT_EQ(stand.api.target_searches, 0);
}

TEST(Answers, OneAnswerThatCannotBeReadSpoilsNoOther) {
  AnswerStand stand(20);
  const auto bad = stand.command(7);
  stand.action().results[bad] = std::string(1100, '[') + std::string(1100, ']');
  stand.pass(6min);
  const auto first = stand.run();
  EXPECT_FALSE(first.complete);
  EXPECT_EQ(first.commands, 19);
  EXPECT_EQ(first.expected, 20);
  const auto name = "agent-" + std::to_string(bad % 1000);
  EXPECT_THAT(first.reason, HasSubstr("incomplete: the answer of 1 agent cannot be read: " + name + " ("));
  EXPECT_THAT(first.reason, testing::Not(HasSubstr("lists only")));
  EXPECT_EQ(stand.log.count("cannot be read: " + name), 1) << stand.log.all();
  EXPECT_EQ(stand.deliveries(), "false\n");
  stand.action().results.erase(bad);
  stand.pass(15min, 10s);
  EXPECT_TRUE(stand.run().complete);
  EXPECT_EQ(stand.deliveries(), "false\ntrue\n");
  stand.action().results[bad] = std::string(1100, '[') + std::string(1100, ']');
  stand.collect_by_hand();
  EXPECT_TRUE(stand.run().complete) << "it was read before: " << stand.run().reason;
  EXPECT_EQ(stand.deliveries(), "false\ntrue\n");
}

TEST(Answers, AnAnswerAtWhichThePageFailsIsAskedForAgain) {
  AnswerStand stand(20);
  stand.api.unlisted = {stand.command(3), stand.command(11)};
  stand.pass(5min + 3s);
  EXPECT_EQ(stand.run().state, RunState::posted);
  EXPECT_EQ(stand.deliveries(), "") << stand.log.all();
  stand.api.unlisted.clear();
  stand.pass(30s);
  EXPECT_EQ(stand.run().state, RunState::delivered) << stand.log.all();
  EXPECT_EQ(stand.run().reason, "");
  EXPECT_EQ(stand.deliveries(), "true\n");
}

TEST(Answers, AnAnswerAtWhichThePageAlwaysFailsHoldsTheOthersUpForAMinuteAtMost) {
  AnswerStand stand(20);
  stand.api.unlisted = {stand.command(3)};
  stand.pass(6min);
  EXPECT_EQ(stand.run().commands, 19);
  EXPECT_THAT(stand.run().reason, HasSubstr("incomplete: the answer of 1 agent cannot be read: "));
  EXPECT_EQ(stand.deliveries(), "false\n");
}

TEST(Answers, AModuleThatNoAgentHasIsTold) {
  AnswerStand stand(3);
  stand.action().set_all("failed");
  for (const auto id : stand.action().commands) stand.action().results[id] = kNoModule;
  stand.pass(6min);
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_TRUE(stand.run().complete);
  EXPECT_EQ(stand.run().reason, "all 3 agents failed: \"module 'x' is not available\"");
  EXPECT_EQ(stand.log.count("err disk@2026-11-23T08:01:00Z: 3 commands collected"), 1) << stand.log.all();
  EXPECT_EQ(stand.log.count("module 'x' is not available"), 1);
}

TEST(Answers, SomeAgentsThatFailAreTold) {
  AnswerStand stand(3);
  stand.action().statuses[stand.command(2)] = "failed";
  stand.action().results[stand.command(2)] = kNoModule;
  stand.pass(6min);
  EXPECT_EQ(stand.run().reason, "1 of 3 agents failed: \"module 'x' is not available\"");
  EXPECT_EQ(stand.log.count("warning disk@2026-11-23T08:01:00Z: 3 commands collected"), 1) << stand.log.all();
}

// What there is to say of the results outlives the plugin's failures.
TEST(Answers, ThePluginsFailuresStandBesideWhatTheResultsAre) {
  AnswerStand stand(3);
  stand.plugin("save", "exit 3");
  stand.action().statuses[stand.command(2)] = "failed";
  stand.action().results[stand.command(2)] = kNoModule;
  stand.pass(6min);
  const std::string text = "1 of 3 agents failed: \"module 'x' is not available\"";
  EXPECT_EQ(stand.run().reason, text + "; plugin save: exit 3");
  stand.plugin("save", "exit 0");
  stand.pass(10min);
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_EQ(stand.run().reason, text);
}

}  // namespace
}  // namespace mig_runner::test

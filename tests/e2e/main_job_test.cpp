#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>

#include "e2e/world.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const char* const kEverySecond = "schedule = \"* * * * * * *\"\nexpiry = 2s\n";

// Until 2099, once: the second after next.
std::string once_soon(int seconds_from_now = 2) {
  const auto time = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) +
                    std::chrono::seconds(seconds_from_now);
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return "schedule = \"" + std::to_string(clock.seconds().count()) + " " + std::to_string(clock.minutes().count()) +
         " " + std::to_string(clock.hours().count()) + " " + std::to_string(unsigned(date.day())) + " " +
         std::to_string(unsigned(date.month())) + " * " + std::to_string(int(date.year())) + "\"\n";
}

TEST(MainJob, LaunchesCollectsStoresAndDelivers) {
  World world;
  world.start_sandbox({"--agents", "20"});
  world.plugin("save", "cat > \"$MIG_RUNNER_JOB.json\"; echo saved");
  world.job("packages", once_soon() + "expiry = 3s\nplugin = save\n");
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.log_has("save: saved"); })) << world.log();
  const auto results = world.results("packages");
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].at("name"), "packages");
  EXPECT_EQ(results[0].at("plugin"), "save");
  EXPECT_EQ(results[0].at("action").at("name"), "mig-runner: packages");
  EXPECT_GE(results[0].at("commands").size(), 2U);
  EXPECT_EQ(nlohmann::json::parse(world.file("tree/packages.json")), results[0]);
  bool found = false;
  for (const auto& command : results[0].at("commands"))
    if (command.at("status") == "success") found = found || command.at("results")[0].at("foundanything") == true;
  EXPECT_TRUE(found);
  EXPECT_EQ(world.posts_of("packages"), 1);
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(MainJob, SendonlyOnlyDispatches) {
  World world;
  world.start_sandbox();
  world.job("fire", once_soon() + "expiry = 2s\nsendonly = true\n");
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.log_has("(sendonly)"); })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
  EXPECT_EQ(world.posts_of("fire"), 1);
  EXPECT_TRUE(world.results("fire").empty());
}

TEST(MainJob, FollowsJobsWhileRunning) {
  World world;
  world.start_sandbox();
  world.runner_settings = "";
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.log_has("Following 0 jobs"); })) << world.log();
  world.job("late", kEverySecond);
  ASSERT_TRUE(eventually([&] { return world.log_has("late: job added"); }, 5s)) << world.log();
  ASSERT_TRUE(eventually([&] { return world.posts_of("late") > 0; })) << world.log();
  // A change of action.json alone is a change.
  world.job("late", kEverySecond, R"({"target":"status='online'","operations":[{"module":"ping","parameters":{}}]})");
  ASSERT_TRUE(eventually([&] { return world.log_has("late: job changed"); }, 5s)) << world.log();
  // A broken form is reported once, and the last good one keeps running.
  world.job("late", "schedule = \"5-1 * * * *\"\n");
  ASSERT_TRUE(eventually([&] { return world.log_has("its last good form keeps running"); }, 5s)) << world.log();
  const auto before = world.posts_of("late");
  ASSERT_TRUE(eventually([&] { return world.posts_of("late") > before + 2; })) << world.log();
  EXPECT_THAT(world.log(), HasSubstr("entity.cfg:2:"));
  const auto log = world.log();
  EXPECT_EQ(log.find("its last good form keeps running"), log.rfind("its last good form keeps running"));
  std::filesystem::remove_all(world.path("tree/runners/late"));
  ASSERT_TRUE(eventually([&] { return world.log_has("late: job removed"); }, 5s)) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
}

// Fault 4 of the original: this schedule in one job crashed the whole process.
TEST(MainJob, Fault4OneBrokenJobHurtsNoOther) {
  World world;
  world.start_sandbox();
  world.job("reversed", "schedule = \"5-1 * * * *\"\n");
  world.job("never", "schedule = \"0 0 31 2 *\"\n");
  world.job("broken-action", kEverySecond, "{\"target\": ");
  world.job("escape", "schedule = \"* * * * *\"\nplugin = ../../bin/sh\n");
  world.job("good", kEverySecond);
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.runner->running() && world.log_has("good@"); })) << world.log();
  for (const char* name :
       {"reversed/entity.cfg:2:", "never/entity.cfg:2:", "broken-action/action.json:1:", "escape/entity.cfg:3:"})
    EXPECT_THAT(world.log(), HasSubstr(name));
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(MainJob, AdoptsWhatTheOriginalLeftInFlight) {
  World world;
  world.start_sandbox({"--agents", "5"});
  world.job("old", once_soon() + "expiry = 2s\n");
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.results("old").size() == 1; })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
  // The same action as an original runner would have left it, in a tree that knows nothing of it.
  auto document = world.results("old")[0];
  document["commands"] = nullptr;
  const auto id = std::to_string(document.at("action").at("id").get<std::int64_t>());
  std::filesystem::remove_all(world.path("tree/state"));
  std::filesystem::remove_all(world.path("tree/runners/old/results"));
  std::filesystem::remove(world.path("tree/runners/old/entity.cfg"));
  write_text(world.path("tree/runners/old/inflight/" + id + ".json"), document.dump());
  write_text(world.path("tree/runners/old/inflight/9.json"), "");
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.results("old").size() == 1; })) << world.log();
  EXPECT_TRUE(eventually([&] {
    return !std::filesystem::exists(world.path("tree/runners/old/inflight/" + id + ".json"));
  })) << "it goes once its results are safe";
  // Fault 2 of the original: a zero-byte record made it crash at every start.
  EXPECT_TRUE(std::filesystem::exists(world.path("tree/runners/old/inflight/9.json.damaged")));
  EXPECT_EQ(world.stop_runner(), 0);
}

// Fault 7 of the original: one hanging answer stopped all collection.
TEST(MainJob, Fault7AHangingPluginOrAnswerStopsNothingElse) {
  World world;
  world.start_sandbox({"--fault", "hang:count=2,path=type=command"});
  world.plugin("hang", "sleep 60");
  world.job("hanging", once_soon() + "expiry = 1s\nplugin = hang\n");
  world.job("other", kEverySecond);
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.fault_hits() == 2; })) << world.log();
  ASSERT_TRUE(eventually([&] { return world.results("other").size() >= 3; })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
}

// Fault 8 of the original: SIGTERM killed it at once. Here it ends well, and soon, whatever hangs.
TEST(Signals, Fault8TerminateAndInterruptEndItWellWithinFiveSeconds) {
  for (const int number : {SIGTERM, SIGINT}) {
    World world;
    world.start_sandbox();
    world.plugin("hang", "trap '' TERM; echo hangs; sleep 60");
    world.job("plugin", once_soon() + "expiry = 1s\nplugin = hang\n");
    world.start_runner();
    ASSERT_TRUE(eventually([&] { return world.log_has("hang: hangs"); })) << world.log();
    world.add_fault("hang");
    world.job("answer", kEverySecond);
    ASSERT_TRUE(eventually([&] { return world.fault_hits() > 0; })) << world.log();
    const auto begin = std::chrono::steady_clock::now();
    world.runner->signal(number);
    EXPECT_EQ(world.runner->wait(), 0) << world.log();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
    EXPECT_TRUE(world.log_has("Stopped.")) << world.log();
  }
}

// Fault 6 of the original: results were fetched only after 5 s without a launch.
TEST(MainJob, Fault6ABusyRunnerCollects) {
  World world;
  world.start_sandbox();
  for (int i = 0; i < 5; ++i) world.job("busy-" + std::to_string(i), kEverySecond);
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.results("busy-0").size() >= 3; })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(Start, ASecondRunnerOnTheTreeSaysWhoHoldsIt) {
  World world;
  world.start_sandbox();
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.log_has("Following"); })) << world.log();
  Process second({std::string(MIG_BINARY_DIR) + "/src/cli/mig-runner", "-c", world.path("runner.cfg")},
                 world.path("second.log"));
  EXPECT_EQ(second.wait(), 9);
  EXPECT_THAT(second.output(), HasSubstr("process " + std::to_string(world.runner->id())));
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(Start, WhatIsWrongIsSaidWithExit9) {
  World world;
  world.start_sandbox();
  world.runner_settings = "chekdirectory = 3\n";
  world.start_runner();
  EXPECT_EQ(world.runner->wait(), 9);
  EXPECT_THAT(world.log(), HasSubstr("runner.cfg:4:1"));
  EXPECT_THAT(world.log(), HasSubstr("checkdirectory"));
}

TEST(Start, VersionAndUsage) {
  const std::string program = std::string(MIG_BINARY_DIR) + "/src/cli/mig-runner";
  EXPECT_THAT(run_command({program, "-V"}), testing::MatchesRegex("mig-runner [0-9.]+\n"));
  const ScratchDirectory scratch;
  Process wrong({program, "--nonsense"}, scratch.path() / "output");
  EXPECT_EQ(wrong.wait(), 2);
  Process missing({program, "-c=" + (scratch.path() / "none.cfg").string()}, scratch.path() / "output2");
  EXPECT_EQ(missing.wait(), 9);
  EXPECT_THAT(missing.output(), HasSubstr("none.cfg"));
}

TEST(Signals, HangupReadsTheConfigurationAgainAndReopensTheLog) {
  World world;
  world.start_sandbox();
  world.logging_settings = "mode = file\nlevel = info\nfile = " + world.path("log").string() + "\n";
  world.start_runner();
  const auto log_has = [&](const std::string& text) { return world.file("log").find(text) != std::string::npos; };
  ASSERT_TRUE(eventually([&] { return log_has("Following"); })) << world.log();
  std::filesystem::rename(world.path("log"), world.path("log.old"));
  world.runner->signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return log_has("configuration unchanged"); })) << world.file("log.old");
  world.client_settings = "delayresults = 1s\n";
  world.write_configuration();
  world.runner->signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return log_has("the new configuration is in use"); })) << world.file("log");
  world.client_settings = "delayresults = soon\n";
  world.write_configuration();
  world.runner->signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return log_has("the runner goes on with the one it has"); })) << world.file("log");
  world.client_settings = "";
  world.runner_settings = "timezone = Mars/Base\n";  // of all jobs that name none
  world.write_configuration();
  world.runner->signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return log_has("runner.cfg:4:12: \"Mars/Base\" is not a known time zone"); }))
      << world.file("log");
  EXPECT_EQ(world.file("log").find("job is broken"), std::string::npos);
  EXPECT_EQ(world.stop_runner(), 0);
}

}  // namespace
}  // namespace mig_runner::test

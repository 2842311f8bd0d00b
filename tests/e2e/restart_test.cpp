// The runner is killed with its runs in one state after another, and started again: it goes on from there.

#include <gmock/gmock.h>

#include <chrono>
#include <sstream>
#include <thread>

#include "e2e/world.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kToPost = "path=action/create";

// One launch, at the second after next.
std::string once_soon() {
  const auto time = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + 2s;
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::ostringstream schedule;
  schedule << "schedule = \"" << clock.seconds().count() << ' ' << clock.minutes().count() << ' '
           << clock.hours().count() << ' ' << unsigned(date.day()) << ' ' << unsigned(date.month()) << " * "
           << int(date.year()) << "\"\nexpiry = 2s\n";
  return schedule.str();
}

struct RestartWorld : World {
  explicit RestartWorld(const std::vector<std::string>& sandbox_arguments = {}) {
    start_sandbox(sandbox_arguments);
    plugin("save", "cat > \"$MIG_RUNNER_JOB.json\"");
  }
  void launch(const std::string& more = "plugin = save\n") {
    job("steady", once_soon() + more);
    start_runner();
  }
  bool says(const std::string& text, std::chrono::milliseconds within = 20s) {
    const bool said = eventually([&] { return log_has(text); }, within);
    EXPECT_TRUE(said) << text << " is not in:\n" << log();
    return said;
  }
  // A kill, then a new life, which must bring the run to its end: one action, one result, one delivery.
  void expect_it_goes_on() {
    kill_runner();
    clear_faults();
    start_runner();
    says("delivered to save", 60s);
    EXPECT_EQ(stop_runner(), 0);
    EXPECT_EQ(posts_of("steady"), 1);
    EXPECT_EQ(results("steady").size(), 1U);
    EXPECT_EQ(nlohmann::json::parse(file("tree/steady.json")), results("steady").at(0));
  }
};

TEST(Restart, Due) {
  RestartWorld world({"--fault", std::string("500:") + kToPost});
  world.launch();
  ASSERT_TRUE(world.says("not launched, next try"));
  world.expect_it_goes_on();
}

// Its next try is over when the new life begins, and the stages must not look before the jobs are known.
TEST(Restart, DueWhenManyJobsAreStillToBeRead) {
  RestartWorld world({"--fault", std::string("500:") + kToPost});
  for (int i = 0; i < 500; ++i) world.job("idle" + std::to_string(i), "schedule = \"0 0 1 1 *\"\n");
  world.launch();
  ASSERT_TRUE(world.says("not launched, next try"));
  world.kill_runner();
  std::this_thread::sleep_for(3s);
  world.expect_it_goes_on();
}

TEST(Restart, Signed) {
  RestartWorld world({"--fault", std::string("hang:") + kToPost});
  world.launch();
  ASSERT_TRUE(eventually([&] { return world.fault_hits() > 0; })) << world.log();
  world.expect_it_goes_on();
}

// The request outlives its sender: the API takes the action when the new life already asks for it.
TEST(Restart, SignedAndOnItsWay) {
  RestartWorld world({"--fault", std::string("latency:delay=4s,") + kToPost});
  world.launch();
  ASSERT_TRUE(eventually([&] { return world.fault_hits() > 0; })) << world.log();
  world.expect_it_goes_on();
}

TEST(Restart, Unknown) {
  RestartWorld world({"--fault", std::string("answer-lost:") + kToPost, "--fault", "500:path=type=action"});
  world.launch();
  ASSERT_TRUE(world.says("the API may have taken its action"));
  world.expect_it_goes_on();
}

TEST(Restart, Posted) {
  RestartWorld world;
  world.launch();
  ASSERT_TRUE(world.says("launched as action"));
  world.expect_it_goes_on();
}

TEST(Restart, PostedWhileResultsAreRead) {
  RestartWorld world({"--fault", "hang:path=type=command"});
  world.launch();
  ASSERT_TRUE(eventually([&] { return world.fault_hits() > 0; })) << world.log();
  world.expect_it_goes_on();
}

TEST(Restart, Stored) {
  RestartWorld world;
  world.plugin("save", "[ -e ready ] || exit 75; cat > \"$MIG_RUNNER_JOB.json\"");
  world.launch();
  ASSERT_TRUE(world.says("it asks to be tried later"));
  write_text(world.path("tree/ready"), "");
  world.expect_it_goes_on();
}

// Missed by seconds only, as at each update of the runner: planner_test.cpp has the longer ones.
TEST(Restart, WhatCameDueMeanwhile) {
  RestartWorld world;
  world.launch();
  ASSERT_TRUE(world.says("Following 1 job"));
  world.kill_runner();
  EXPECT_EQ(world.posts_of("steady"), 0);
  std::this_thread::sleep_for(3s);
  world.expect_it_goes_on();
}

// What has ended stays as it ended.
TEST(Restart, EndedRuns) {
  RestartWorld world;
  world.plugin("save", "echo x >> saved; cat > /dev/null");
  world.plugin("fail", "echo x >> failed; exit 1");
  world.job("delivered", once_soon() + "plugin = save\n");
  world.job("undeliverable", once_soon() + "plugin = fail\npluginretries = 0\n");
  world.job("stored", once_soon());
  world.job("sent", once_soon() + "sendonly = true\n");
  world.job("invalid", once_soon(),
            R"({"name":"x","target":"nonsense = (","operations":[{"module":"pkg","parameters":{}}]})");
  world.other_client_sections = "[targets]\nmacro = too-long:name='" + std::string(2100, 'x') + "'\n";
  world.job("refused", once_soon(),
            R"({"name":"x","target":"too-long","operations":[{"module":"pkg","parameters":{}}]})");
  world.start_runner();
  for (const auto* text : {"delivered@", "undeliverable@", "stored@", "sent@", "invalid@", "refused@"})
    ASSERT_TRUE(world.says(text));
  for (const auto* text :
       {"delivered to save", ": undeliverable after", "stored/results", "(sendonly)", ": invalid: ", ": refused: "})
    ASSERT_TRUE(world.says(text));
  const auto posts = world.posts().size();
  world.kill_runner();
  // One more job shows that the new life has done its rounds.
  world.start_runner();
  world.job("later", once_soon() + "plugin = save\n");
  ASSERT_TRUE(eventually([&] { return world.log_count("delivered to save") == 2; })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
  EXPECT_EQ(world.posts().size(), posts + 1);
  EXPECT_EQ(world.file("tree/saved"), "x\nx\n");
  EXPECT_EQ(world.file("tree/failed"), "x\n");
}

}  // namespace
}  // namespace mig_runner::test

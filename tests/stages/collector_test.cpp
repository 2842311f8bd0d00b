#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "stages/stand.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using store::RunState;
using testing::HasSubstr;

struct PostedStand : Stand {
  explicit PostedStand(int commands, config::JobConfig config = {}) {
    api.commands_per_action = commands;
    settings.page_size = 10;
    settings.parallel_pages = 3;
    restart();
    start(make_job("disk", "1 8 * * *", std::move(config)));
    clock.set(at("2026-11-23T08:01:00Z"));
    settle();
  }
  store::Run run() { return history("disk").front(); }
  nlohmann::json result() { return nlohmann::json::parse(read_text(directory.path() / run().result_file)); }
  std::set<std::int64_t> result_ids() {
    std::set<std::int64_t> ids;
    const auto document = result();
    for (const auto& command : document.at("commands")) ids.insert(command.at("id").get<std::int64_t>());
    return ids;
  }
};

TEST(Collector, WritesTheResultDocumentAfterExpiryPlusDelay) {
  PostedStand stand(25);
  stand.pass(4min + 50s);
  EXPECT_EQ(stand.run().state, RunState::posted);
  stand.pass(11s);
  const auto run = stand.run();
  EXPECT_EQ(run.state, RunState::stored);
  EXPECT_EQ(run.result_file, "runners/disk/results/20261123/7001.json");
  EXPECT_EQ(run.commands, 25);
  EXPECT_TRUE(run.complete);
  EXPECT_EQ(stand.result_ids().size(), 25U);
  EXPECT_EQ(stand.result().at("name"), "disk");
  EXPECT_EQ(stand.result().at("action").at("id"), 7001);
  EXPECT_EQ(stand.result().at("action").at("name"), "mig-runner: disk");
}

// The original took 9,352 different commands out of 10,000 rows: pages in no fixed order overlap.
TEST(Collector, UnstablePagesLoseAndRepeatNothing) {
  PostedStand stand(200);
  std::mt19937 random(4);
  stand.api.before_page = [&](FakeApi::Stored& action) {
    // Neighbouring rows swap places between two pages, as rows of equal start time do.
    for (std::size_t i = 0; i + 5 < action.commands.size(); i += 5)
      std::shuffle(action.commands.begin() + static_cast<long>(i), action.commands.begin() + static_cast<long>(i) + 5,
                   random);
    std::rotate(action.commands.begin(), action.commands.begin() + 3, action.commands.end());
  };
  stand.pass(10min);
  EXPECT_EQ(stand.run().commands, 200) << stand.log.all();
  EXPECT_EQ(stand.result().at("commands").size(), 200U);
  EXPECT_EQ(stand.result_ids().size(), 200U);
}

// Fault 1 of the original: a fetch that failed once lost the results.
TEST(Collector, Fault1AFailedFetchIsRetried) {
  PostedStand stand(5);
  stand.api.down = true;
  stand.pass(30min, 10s);
  EXPECT_EQ(stand.run().state, RunState::posted);
  stand.api.down = false;
  stand.pass(6min, 10s);
  EXPECT_EQ(stand.run().state, RunState::stored);
  EXPECT_EQ(stand.result_ids().size(), 5U);
}

TEST(Collector, ThePageThatAsksForTimeIsObeyedUpToTheDeadline) {
  config::JobConfig config;
  config.settings.collectdeadline = 2h;
  PostedStand stand(5, config);
  stand.pass(4min);
  stand.api.read_answer = FakeApi::page(503, "1800");
  stand.pass(2min);
  const auto requests = stand.api.requests;
  stand.pass(28min, 10s);
  EXPECT_EQ(stand.api.requests, requests);
  stand.api.read_answer = FakeApi::page(429, "86400");
  stand.pass(5min, 10s);
  EXPECT_GT(stand.api.requests, requests);
  EXPECT_EQ(stand.run().state, RunState::posted);
  stand.api.read_answer.reset();
  stand.pass(90min, 10s);
  EXPECT_EQ(stand.run().state, RunState::stored) << stand.log.all();
}

TEST(Collector, FetchesAreGivenUpAtTheCollectDeadline) {
  config::JobConfig config;
  config.settings.collectdeadline = 2h;
  PostedStand stand(5, config);
  stand.api.down = true;
  stand.pass(3h, 1min);
  EXPECT_EQ(stand.run().state, RunState::collect_failed);
  EXPECT_THAT(stand.run().reason, HasSubstr("connection refused"));
}

TEST(Collector, AMalformedAnswerIsAFailureAndLeavesNoFile) {
  PostedStand stand(5);
  stand.api.command_answer = R"({"collection":{"items":[{"data":[{"name":"command","value":{"id":1,)";
  stand.pass(20min, 10s);
  EXPECT_EQ(stand.run().state, RunState::posted);
  EXPECT_EQ(std::filesystem::exists(stand.directory.path() / "runners/disk/results/20261123/7001.json"), false);
  stand.api.command_answer.clear();
  stand.pass(6min, 10s);
  EXPECT_EQ(stand.run().state, RunState::stored);
}

TEST(Collector, AShortListIsStoredAsIncompleteAndCollectedAgainLater) {
  PostedStand stand(20);
  const auto all = stand.api.actions[0].commands;
  stand.api.actions[0].commands.resize(15);
  stand.pass(12min, 10s);
  EXPECT_EQ(stand.run().commands, 15);
  EXPECT_EQ(stand.run().expected, 20);
  EXPECT_FALSE(stand.run().complete);
  EXPECT_EQ(stand.log.count("7001.json; incomplete: the API lists only 15 of 20 commands"), 1) << stand.log.all();
  EXPECT_EQ(stand.result_ids().size(), 15U);
  stand.api.actions[0].commands = all;
  stand.pass(15min, 10s);
  EXPECT_EQ(stand.run().state, RunState::stored);
  EXPECT_TRUE(stand.run().complete);
  EXPECT_EQ(stand.result_ids().size(), 20U);
}

TEST(Collector, RecollectingEnds) {
  PostedStand stand(20);
  stand.api.actions[0].commands.resize(15);
  stand.pass(12h, 1min);
  EXPECT_EQ(stand.run().state, RunState::stored);
  EXPECT_FALSE(stand.run().complete);
  EXPECT_FALSE(stand.run().wake.has_value());
}

TEST(Collector, AnActionThatIsNeverSentEndsWithItsTarget) {
  PostedStand stand(0);
  stand.api.actions[0].status = "scheduled";
  stand.pass(25min, 10s);
  EXPECT_EQ(stand.run().state, RunState::invalid);
  EXPECT_THAT(stand.run().reason, HasSubstr("status='online'"));
}

TEST(Collector, CollectCompletedDoesNotWaitForExpiry) {
  config::JobConfig config;
  config.expiry = 1h;
  config.settings.collect = config::CollectWhen::completed;
  PostedStand stand(5, config);
  stand.pass(10s);
  EXPECT_EQ(stand.run().state, RunState::stored);
}

TEST(Collector, CollectCompletedStillCollectsAtExpiryWhenSomeStaySilent) {
  config::JobConfig config;
  config.settings.collect = config::CollectWhen::completed;
  PostedStand stand(5, config);
  stand.api.actions[0].status = "inflight";
  stand.api.actions[0].commands.clear();
  stand.api.actions[0].sent = 0;
  stand.pass(4min);
  EXPECT_EQ(stand.run().state, RunState::posted);
  stand.pass(3min);
  EXPECT_EQ(stand.run().state, RunState::stored);
}

TEST(Collector, AFullDiskLosesNothing) {
  PostedStand stand(5);
  const auto results = stand.directory.path() / "runners" / "disk" / "results";
  write_text(results, "a file where the directory should be");
  stand.pass(10min);
  EXPECT_EQ(stand.run().state, RunState::posted);
  EXPECT_GT(stand.log.count("cannot be stored"), 0);
  std::filesystem::remove(results);
  stand.pass(10min, 10s);
  EXPECT_EQ(stand.run().state, RunState::stored);
  EXPECT_EQ(stand.result_ids().size(), 5U);
}

TEST(Collector, NoTemporaryFilesStay) {
  PostedStand stand(25);
  stand.api.down = true;
  stand.pass(6min, 10s);
  stand.api.down = false;
  stand.pass(10min, 10s);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(stand.directory.path()))
    EXPECT_THAT(entry.path().string(), testing::Not(HasSubstr(".tmp-")));
}

}  // namespace
}  // namespace mig_runner::test

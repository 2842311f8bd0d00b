// Two runners on one PostgreSQL, as their operators see them.

#include "e2e/group.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <thread>

#include "base/clock.h"
#include "base/time.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const char* const kOnceAYear = "schedule = \"0 0 1 1 *\"\nexpiry = 2s\nplugin = save\n";

struct TwoRunners : Group {
  explicit TwoRunners(const std::string& lease = "2s") : Group(2, lease) {
    plugin("save", "cat > last; echo >> deliveries");
  }

  std::size_t deliveries(int i) const {
    return std::filesystem::exists(tree(i) / "deliveries") ? read_text(tree(i) / "deliveries").size() : 0;
  }
  nlohmann::json newest(const std::string& job) { return type_json(1, {"history", job, "-n", "1"}).at("runs").at(0); }
  bool logs(int i, const std::string& text) const { return log(i).find(text) != std::string::npos; }
  // As the group names its tree.
  std::string here(int i) const {
    std::array<char, 256> host{};
    gethostname(host.data(), host.size() - 1);
    return std::string(host.data()) + ':' + tree(i).string();
  }
};

// Only the first is at work; all is typed at the second.
TEST(TwoRunners, AnyCommandWorksAtAnyMember) {
  TwoRunners group;
  group.job("packages", kOnceAYear);
  EXPECT_THAT(group.type(1, {"launch", "packages"}).output, HasSubstr("no runner is at work"));
  group.start(0);
  ASSERT_TRUE(eventually([&] { return group.logs(0, "Following "); })) << group.log(0);

  const auto launch = group.type(1, {"launch", "packages", "--wait"});
  EXPECT_EQ(launch.status, 0) << launch.output;
  EXPECT_THAT(launch.output, HasSubstr("delivered, 1 command collected, delivered to save"));
  const auto run = group.newest("packages");
  for (const auto* deed : {"launched_by", "collected_by", "delivered_by"})
    EXPECT_EQ(run.at(deed), group.here(0)) << deed;

  const auto status = group.type_json(1, {"status"});
  EXPECT_EQ(status.at("running"), false);
  ASSERT_EQ(status.at("members").size(), 1U);
  EXPECT_EQ(status.at("members").at(0).at("tree"), group.here(0));
  EXPECT_THAT(group.type(1, {"status"}).output, HasSubstr("not at work on this tree; the group's members are"));

  const auto show = group.type(1, {"show", "packages"});
  EXPECT_EQ(show.status, 1);
  EXPECT_THAT(show.output, HasSubstr("launched   by " + group.here(0)));
  const auto file = (group.tree(0) / run.at("result_file").get<std::string>()).string();
  EXPECT_THAT(show.output, HasSubstr(", in " + file + ": call this command there"));
  const auto results = group.type(1, {"results", "packages"});
  EXPECT_EQ(results.status, 1);
  EXPECT_THAT(results.output, HasSubstr(", in " + file + ": call this command there"));
  EXPECT_EQ(group.type(0, {"show", "packages"}).status, 0);

  const auto name = run.at("run").get<std::string>();
  EXPECT_EQ(group.type(1, {"redeliver", name}).output, name + " is delivered again\n")
      << "without a word of an idle runner";
  EXPECT_TRUE(eventually([&] { return group.newest("packages").at("state") == "delivered"; }));
  EXPECT_EQ(group.deliveries(0), 2);
  std::filesystem::remove(file);
  EXPECT_EQ(group.type(1, {"collect", name}).output, name + " is collected again\n");
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(file); })) << group.log(0);
  EXPECT_EQ(group.world.posts_of("packages"), 1);
}

TEST(TwoRunners, APauseHoldsForAll) {
  TwoRunners group;
  group.job("often", "schedule = \"* * * * * * *\"\nexpiry = 2s\nsendonly = true\n");
  group.start(0);
  group.start(1);
  ASSERT_TRUE(eventually([&] { return group.world.posts_of("often") >= 2; })) << group.log(0) << group.log(1);
  EXPECT_EQ(group.type(1, {"pause", "often"}).status, 0);
  const auto quiet = [&] {
    const auto before = group.world.posts_of("often");
    std::this_thread::sleep_for(3s);
    return group.world.posts_of("often") == before;
  };
  EXPECT_TRUE(eventually(quiet)) << group.log(0) << group.log(1);
  EXPECT_EQ(group.type_json(0, {"status"}).at("paused").at(0).at("job"), "often");
  const auto before = group.world.posts_of("often");
  EXPECT_EQ(group.type(0, {"resume", "often"}).status, 0);
  EXPECT_TRUE(eventually([&] { return group.world.posts_of("often") > before; }));
}

TEST(TwoRunners, WhatMetAPauseIsNotLaunchedByOneThatWasStoppedMeanwhile) {
  TwoRunners group("30s");
  group.job("often", "schedule = \"* * * * * * *\"\nexpiry = 2s\nsendonly = true\ncatchup = latest\n");
  group.start(0);
  ASSERT_TRUE(eventually([&] { return group.world.posts_of("often") >= 2; })) << group.log(0);
  group.process(0).signal(SIGSTOP);
  ASSERT_EQ(group.type(1, {"pause", "often"}).status, 0);
  const auto paused = system_clock().now();
  std::this_thread::sleep_for(2s);
  const auto resumed = system_clock().now();
  ASSERT_EQ(group.type(1, {"resume", "often"}).status, 0);
  const auto before = group.world.posts_of("often");
  group.process(0).signal(SIGCONT);
  ASSERT_TRUE(eventually([&] { return group.world.posts_of("often") > before + 1; })) << group.log(0);
  const auto history = group.type_json(1, {"history", "often", "-n", "1000"});
  for (const auto& run : history.at("runs")) {
    const auto nominal = parse_rfc3339(run.at("time").get<std::string>()).value();
    EXPECT_FALSE(nominal > paused && nominal <= resumed) << run;
  }
}

TEST(TwoRunners, ARestartGivesAwayNothingThatOnlyItCanDo) {
  TwoRunners group("30s");
  group.job("packages", kOnceAYear);
  write_text(group.tree(0) / "plugins" / "save", "#!/bin/sh\ntest -e may-deliver && echo >> deliveries\n");
  std::filesystem::remove_all(group.tree(1) / "runners" / "packages");
  std::filesystem::remove(group.tree(1) / "plugins" / "save");
  for (int i = 0; i < group.size(); ++i) group.start(i);
  ASSERT_TRUE(eventually([&] { return group.logs(0, "Following 1 job") && group.logs(1, "Following 0 jobs"); }));
  ASSERT_EQ(group.type(0, {"launch", "packages"}).status, 0);
  ASSERT_TRUE(eventually([&] { return group.newest("packages").at("state") == "stored"; })) << group.log(0);
  ASSERT_EQ(group.stop(0), 0);
  EXPECT_EQ(group.type_json(1, {"status"}).at("members").size(), 1U);
  write_text(group.tree(0) / "may-deliver", "");
  std::this_thread::sleep_for(1s);  // in which the other looks
  group.start(0);
  EXPECT_TRUE(eventually([&] { return group.newest("packages").at("state") == "delivered"; }, 60s)) << group.log(0);
  const auto run = group.newest("packages");
  for (const auto* deed : {"launched_by", "collected_by", "delivered_by"})
    EXPECT_EQ(run.at(deed), group.here(0)) << deed;
  EXPECT_EQ(group.deliveries(0), 1U);
}

TEST(TwoRunners, WhatLiesOnALostMachineIsFetchedAgain) {
  TwoRunners group;
  group.job("packages", kOnceAYear);
  group.start(0);
  ASSERT_TRUE(eventually([&] { return group.logs(0, "Following "); })) << group.log(0);
  ASSERT_EQ(group.type(1, {"launch", "packages", "--wait"}).status, 0);
  group.kill(0);
  group.start(1);
  ASSERT_TRUE(eventually([&] { return group.logs(1, "Following "); })) << group.log(1);
  const auto run = group.newest("packages");
  const auto name = run.at("run").get<std::string>();
  EXPECT_TRUE(eventually([&] { return group.type_json(1, {"status"}).at("members").size() == 1; }))
      << "its lease ended";
  EXPECT_THAT(group.type(1, {"show", name}).output, HasSubstr("`mig-runner collect " + name + "` fetches them again"));
  EXPECT_EQ(group.type(1, {"redeliver", name}).status, 0);
  EXPECT_TRUE(eventually([&] { return group.newest("packages").at("delivered_by") == group.here(1); })) << group.log(1);
  EXPECT_EQ(group.newest("packages").at("launched_by"), group.here(0));
  EXPECT_EQ(group.newest("packages").at("collected_by"), group.here(1));
  EXPECT_EQ(group.type(1, {"show", name}).status, 0);
  EXPECT_EQ(group.deliveries(1), 1U);
}

TEST(TwoRunners, WhatADeadOneHadInHandGoesOnWithinTwoLeases) {
  TwoRunners group("3s");
  group.job("packages", kOnceAYear);
  // The first hands the results to a plugin that does not end before its runner does.
  write_text(group.tree(0) / "plugins" / "save", "#!/bin/sh\ntouch begun; while kill -0 $PPID; do sleep 0.1; done\n");
  group.start(0);
  ASSERT_TRUE(eventually([&] { return group.logs(0, "Following "); })) << group.log(0);
  ASSERT_EQ(group.type(1, {"launch", "packages"}).status, 0);
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(group.tree(0) / "begun"); })) << group.log(0);
  group.start(1);
  ASSERT_TRUE(eventually([&] { return group.type_json(1, {"status"}).at("members").size() == 2; }));
  group.kill(0);
  EXPECT_TRUE(eventually([&] { return group.deliveries(1) == 1; }, 6s)) << group.log(1);
  EXPECT_EQ(group.newest("packages").at("launched_by"), group.here(0));
  EXPECT_EQ(group.world.posts_of("packages"), 1);
}

TEST(TwoRunners, CollectAndRecordThroughAnOutageOfTheDatabase) {
  TwoRunners group;
  group.job("packages", "schedule = \"0 0 1 1 *\"\nexpiry = 5s\nplugin = save\n");
  group.job("often", "schedule = \"* * * * * * *\"\nexpiry = 2s\nsendonly = true\ncatchup = latest\n");
  group.start(0);
  ASSERT_TRUE(eventually([&] { return group.logs(0, "Following "); })) << group.log(0);
  ASSERT_EQ(group.type(1, {"launch", "packages"}).status, 0);
  ASSERT_TRUE(eventually([&] { return group.newest("packages").at("state") == "posted"; })) << group.log(0);
  group.server.stop();
  EXPECT_TRUE(eventually([&] { return group.logs(0, "to be recorded when the database is back"); }, 30s))
      << group.log(0);
  const auto before = group.world.posts_of("often");
  group.server.start();
  EXPECT_TRUE(eventually(
      [&] {
        const auto history = group.type(1, {"history", "packages", "-n", "1", "--json"});
        return history.status == 0 && history.output.find("\"delivered\"") != std::string::npos;
      },
      60s))
      << group.log(0);
  EXPECT_EQ(group.world.posts_of("packages"), 1);
  EXPECT_EQ(group.newest("packages").at("complete"), true);
  EXPECT_TRUE(eventually([&] { return group.world.posts_of("often") > before; })) << "it goes on";
  EXPECT_EQ(group.stop(0), 0);
  const auto runs = group.type_json(1, {"history", "often", "-n", "1000"}).at("runs");
  std::int64_t sent = 0;
  for (const auto& run : runs) sent += run.at("state") == "sent" ? 1 : 0;
  EXPECT_EQ(group.world.posts_of("often"), sent) << "each once";
}

TEST(TwoRunners, ARunnerWaitsForItsDatabase) {
  TwoRunners group;
  group.job("packages", kOnceAYear);
  group.server.stop();
  group.start(0);
  ASSERT_TRUE(eventually([&] { return group.logs(0, "Nothing is launched until this works: "); }));
  group.server.start();
  EXPECT_TRUE(eventually([&] { return group.logs(0, "Following 1 job"); })) << group.log(0);
  group.server.stop();
  group.start(1);
  ASSERT_TRUE(eventually([&] { return group.logs(1, "Nothing is launched until this works: "); }));
  EXPECT_EQ(group.stop(1), 0);
}

TEST(TwoRunners, ARunnerWhoseDatabaseGoesAwayWhileItStartsWaitsToo) {
  TwoRunners group;
  group.job("packages", kOnceAYear);
  group.store(0).delay(100ms);
  group.start(0);
  ASSERT_TRUE(eventually([&] { return group.logs(0, "mig-runner starts in "); })) << group.log(0);
  group.store(0).silence();
  ASSERT_TRUE(eventually([&] { return group.logs(0, "Nothing is launched until this works: "); }, 60s)) << group.log(0);
  group.store(0).delay(0ms);
  group.store(0).restore();
  EXPECT_TRUE(eventually([&] { return group.logs(0, "Following 1 job"); }, 60s)) << group.log(0);
  EXPECT_EQ(group.stop(0), 0);
}

// Whichever thread waits for what: an answer, or a connection.
TEST(TwoRunners, EndInFiveSecondsAlsoWhereTheDatabaseHangs) {
  TwoRunners group("30s");
  group.job("packages", kOnceAYear);
  for (int i = 0; i < group.size(); ++i) {
    group.start(i);
    ASSERT_TRUE(eventually([&] { return group.logs(i, "Following 1 job"); })) << group.log(i);
    group.store(i).silence();
  }
  group.store(1).cut();
  const auto told = std::chrono::steady_clock::now();
  for (int i = 0; i < group.size(); ++i) group.process(i).signal(SIGTERM);
  for (int i = 0; i < group.size(); ++i) EXPECT_EQ(group.process(i).wait(), 0) << group.log(i);
  EXPECT_LT(std::chrono::steady_clock::now() - told, 5s) << group.log(0) << group.log(1);
}

TEST(TwoRunners, OneThatEndsLeavesTheGroupAlsoWhereAPluginHasToBeKilled) {
  TwoRunners group("30s");
  group.plugin("save", "trap '' TERM; echo >> deliveries; while :; do sleep 1; done");
  group.job("packages", kOnceAYear);
  group.start(0);
  ASSERT_TRUE(eventually([&] { return group.logs(0, "Following 1 job"); })) << group.log(0);
  EXPECT_EQ(group.type(1, {"launch", "packages"}).status, 0);
  ASSERT_TRUE(eventually([&] { return group.deliveries(0) > 0; })) << group.log(0);
  EXPECT_EQ(group.stop(0), 0);
  EXPECT_TRUE(group.type_json(1, {"status"}).at("members").empty()) << group.log(0);
  EXPECT_EQ(group.server.query(group.database, "SELECT count(*) FROM runs WHERE owner IS NOT NULL"), "0\n");
  EXPECT_THAT(group.log(0), Not(HasSubstr("cannot be given back")));
}

TEST(TwoRunners, WhatIsAskedWhileTheDatabaseIsWaitedForIsDoneAfterwards) {
  TwoRunners group;
  group.job("packages", kOnceAYear);
  group.server.stop();
  group.start(0);
  ASSERT_TRUE(eventually([&] { return group.logs(0, "Nothing is launched until this works: "); }));
  group.process(0).signal(SIGHUP);
  group.server.start();
  EXPECT_TRUE(eventually([&] { return group.logs(0, "Reloaded: "); })) << group.log(0);
}

}  // namespace
}  // namespace mig_runner::test

// What an original runner left and what the record of runs holds may have been written by somebody else.

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "stages/adoption.h"
#include "stages/by_hand.h"
#include "stages/retention.h"
#include "stages/stand.h"
#include "support/no_descriptors.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using store::RunState;
using testing::HasSubstr;

// A result that waits for its delivery, and files outside of what belongs to it.
struct WaitingStand : Stand {
  explicit WaitingStand(const std::string& name_in_record = "save") {
    plugin("save", "[ -e ready ] || exit 75; cat > received");
    plugin("other", "cat > received-by-other");
    write_text(outside, "#!/bin/sh\ntouch executed\n");
    std::filesystem::permissions(outside, std::filesystem::perms::owner_all);
    config::JobConfig config;
    config.plugin = "save";
    job = make_job("disk", "1 8 * * *", config);
    start(job);
    clock.set(at("2026-11-23T08:01:00Z"));
    settle();
    pass(7min, 10s);
    write_text(directory.path() / "ready", "");
    if (name_in_record != "save") change([&](store::Run& run) { run.plugin = name_in_record; });
  }
  store::Run run() { return history("disk").front(); }
  bool there(const std::string& name) const { return std::filesystem::exists(directory.path() / name); }
  std::filesystem::path result() { return directory.path() / run().result_file; }
  // As somebody does who may write to the record of runs.
  template <class Change>
  void change(Change write) {
    auto run = this->run();
    const auto from = run.state;
    write(run);
    run.wake = clock.now();
    ASSERT_TRUE(store->repair({from, run, {}}));
  }

  spool::JobPtr job;
  const std::filesystem::path outside = directory.path() / "outside";
};

TEST(HostileRecord, ThePluginIsThatOfTheJob) {
  for (const std::string name : {"/usr/bin/python3", "../outside", "other", ".."}) {
    WaitingStand stand(name);
    stand.pass(2min, 5s);
    EXPECT_EQ(stand.run().state, RunState::delivered) << stand.log.all();
    EXPECT_EQ(stand.run().plugin, "save");
    EXPECT_TRUE(stand.there("received"));
    EXPECT_FALSE(stand.there("executed"));
    EXPECT_FALSE(stand.there("received-by-other"));
  }
}

TEST(HostileRecord, AJobThatIsGoneHasOnlyAPluginOfThePluginsDirectory) {
  for (const std::string name : {"../outside", "/usr/bin/python3", "../../../../../../bin/true"}) {
    WaitingStand stand(name);
    stand.jobs.remove("disk");
    stand.pass(10min, 5s);
    EXPECT_EQ(stand.run().state, RunState::stored);
    EXPECT_THAT(stand.run().reason, HasSubstr("refused"));
    EXPECT_EQ(stand.log.count("err disk@2026-11-23T08:01:00Z: not delivered"), 1) << stand.log.all();
    EXPECT_FALSE(stand.there("executed"));
    EXPECT_FALSE(stages::redeliver(*stand.store, stand.run(), stand.run().plugin, stand.clock.now()));
  }
}

TEST(HostileRecord, AJobWithoutAPluginAnyMoreKeepsItsResults) {
  WaitingStand stand;
  stand.put(stand.make_job("disk", "1 8 * * *"));
  stand.pass(2min, 5s);
  EXPECT_EQ(stand.run().state, RunState::stored);
  EXPECT_FALSE(stand.run().wake);
  EXPECT_EQ(stand.log.count("its job has no plugin any more"), 1) << stand.log.all();
}

TEST(HostileRecord, AResultFileLiesInTheResultsOfItsJob) {
  for (const std::string file : {"outside", "../outside", "/etc/hostname", "runners/disk/results/../../../outside"}) {
    WaitingStand stand;
    stand.change([&](store::Run& run) { run.result_file = file; });
    stand.pass(10min, 5s);
    EXPECT_EQ(stand.run().state, RunState::stored);
    EXPECT_THAT(stand.run().reason, HasSubstr("refused"));
    EXPECT_FALSE(stand.there("received"));
    EXPECT_TRUE(stand.there("outside"));
    EXPECT_FALSE(stand.there("outside.damaged"));
    // By hand it is collected anew, into a file of its own.
    EXPECT_TRUE(stages::collect_again(*stand.store, stand.run(), stand.clock.now() + 1h, stand.clock.now()));
    stand.pass(2min, 5s);
    EXPECT_EQ(stand.run().state, RunState::delivered) << stand.log.all();
    EXPECT_TRUE(stand.there("received"));
  }
}

TEST(HostileRecord, RetentionRemovesNoOtherFile) {
  WaitingStand stand;
  stand.pass(2min, 5s);
  ASSERT_EQ(stand.run().state, RunState::delivered);
  stand.change([&](store::Run& run) { run.result_file = "outside"; });
  auto settled = stand.store->find("disk", stand.run().nominal).value().value();
  settled.wake.reset();
  ASSERT_TRUE(stand.store->repair({settled.state, settled, {}}));
  config::JobConfig config;
  config.settings.keepresults_age = 1s;
  stand.put(stand.make_job("disk", "1 8 * * *", config));
  stand.clock.advance(1h);
  stages::Retention retention(stand.stages->context);
  retention.step(stand.clock.now());
  retention.step(stand.clock.now());
  EXPECT_TRUE(stand.there("outside"));
  EXPECT_EQ(stand.log.count("its result file is not removed"), 1) << stand.log.all();
}

// A record that names a plugin outside is left as it is.
TEST(HostileRecord, AnInflightRecordNamesAPluginOfThePluginsDirectory) {
  Stand stand;
  const auto record = stand.directory.path() / "runners/disk/inflight/7001.json";
  const nlohmann::json action = {{"id", 7001},
                                 {"target", "status='online'"},
                                 {"validfrom", "2026-11-23T07:59:00Z"},
                                 {"expireafter", "2026-11-23T08:04:00Z"}};
  const auto text =
      nlohmann::json{{"action", action}, {"commands", nullptr}, {"name", "disk"}, {"plugin", "../outside"}}.dump();
  write_text(record, text);
  EXPECT_EQ(stages::Adoption().look_at_all(stand.stages->context, stand.clock.now()), 0);
  EXPECT_EQ(stand.log.count("is refused"), 1) << stand.log.all();
  EXPECT_EQ(read_text(record), text);
  stand.put(stand.make_job("disk", "1 8 * * *"));
  EXPECT_EQ(stages::Adoption().look_at_all(stand.stages->context, stand.clock.now()), 1);
  EXPECT_EQ(stand.history("disk").front().plugin, "");
}

TEST(HostileRecord, InflightIsNotFollowedElsewhere) {
  Stand stand;
  const auto elsewhere = stand.directory.path() / "elsewhere";
  write_text(elsewhere / "1.json", "half a rec");
  std::filesystem::create_directories(stand.directory.path() / "runners/disk");
  std::filesystem::create_symlink(elsewhere, stand.directory.path() / "runners/disk/inflight");
  EXPECT_EQ(stages::Adoption().look_at_all(stand.stages->context, stand.clock.now()), 0);
  EXPECT_TRUE(std::filesystem::exists(elsewhere / "1.json"));
  EXPECT_EQ(stand.log.count("symlink"), 1) << stand.log.all();
}

TEST(HostileRecord, ResultsAreNotWrittenElsewhere) {
  Stand stand;
  const auto elsewhere = stand.directory.path() / "elsewhere";
  std::filesystem::create_directories(elsewhere);
  std::filesystem::create_directories(stand.directory.path() / "runners/disk");
  std::filesystem::create_symlink(elsewhere, stand.directory.path() / "runners/disk/results");
  stand.start(stand.make_job("disk", "1 8 * * *"));
  stand.clock.set(at("2026-11-23T08:01:00Z"));
  stand.settle();
  stand.pass(10min, 10s);
  EXPECT_EQ(stand.history("disk").front().state, RunState::posted);
  EXPECT_THAT(stand.history("disk").front().reason, HasSubstr("symlink"));
  EXPECT_TRUE(std::filesystem::is_empty(elsewhere));
  std::filesystem::remove(stand.directory.path() / "runners/disk/results");
  stand.pass(10min, 10s);
  EXPECT_EQ(stand.history("disk").front().state, RunState::stored) << stand.log.all();
}

TEST(HostileRecord, AFifoInAResultsPlaceHoldsUpNothing) {
  WaitingStand stand;
  std::filesystem::rename(stand.result(), stand.directory.path() / "kept");
  mkfifo(stand.result().c_str(), 0600);
  stand.pass(5min, 5s);
  EXPECT_EQ(stand.run().state, RunState::stored);
  EXPECT_THAT(stand.run().reason, HasSubstr("not a regular file"));
  EXPECT_EQ(stand.log.count("not a regular file"), 1 + stand.log.count("debug disk")) << stand.log.all();
  std::filesystem::rename(stand.directory.path() / "kept", stand.result());
  stand.pass(2min, 5s);
  EXPECT_EQ(stand.run().state, RunState::delivered) << stand.log.all();
  EXPECT_EQ(stand.run().reason.find("not started"), std::string::npos);
}

TEST(HostileRecord, AResultThatCannotBeOpenedForAMomentIsDeliveredLater) {
  WaitingStand stand;
  const auto file = stand.result();
  const auto whole = read_text(file);
  {
    // The store's own descriptors are open; nothing else can be opened.
    const NoDescriptors none;
    stand.pass(1min, 5s);
  }
  EXPECT_EQ(stand.run().state, RunState::stored) << stand.log.all();
  EXPECT_FALSE(std::filesystem::exists(file.string() + ".damaged"));
  EXPECT_EQ(read_text(file), whole);
  stand.pass(3min, 5s);
  EXPECT_EQ(stand.run().state, RunState::delivered) << stand.log.all();
}

TEST(HostileRecord, AJobThatEverybodyMayWriteIsNotLaunched) {
  const auto launched = [](unsigned mode_of_action, unsigned mode_of_plugin, unsigned mode_of_directory) {
    Stand stand;
    config::JobConfig config;
    config.plugin = "save";
    stand.plugin("save", "cat > /dev/null");
    const auto job = stand.directory.path() / "runners/disk";
    write_text(job / "action.json", "{}");
    chmod((job / "action.json").c_str(), mode_of_action);
    chmod((stand.directory.path() / "plugins/save").c_str(), mode_of_plugin);
    chmod(stand.directory.path().c_str(), mode_of_directory);
    stand.start(stand.make_job("disk", "1 8 * * *", config));
    stand.start(stand.make_job("other", "1 8 * * *"));
    stand.clock.set(at("2026-11-23T08:01:00Z"));
    stand.settle();
    const auto run = stand.history("disk").front();
    const bool posted = run.state == RunState::posted;
    EXPECT_TRUE(posted || run.reason.starts_with("everybody may write to ")) << run.reason;
    return posted;
  };
  EXPECT_TRUE(launched(0644, 0755, 0700));
  EXPECT_TRUE(launched(0664, 0775, 0770));  // a group may be meant to
  EXPECT_FALSE(launched(0646, 0755, 0700));
  EXPECT_FALSE(launched(0644, 0757, 0700));
  EXPECT_FALSE(launched(0644, 0755, 0777));
  EXPECT_TRUE(launched(0644, 0755, 01777));
}

TEST(HostileRecord, AJobThatAnotherUserOwnsIsNotLaunched) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  Stand stand;
  write_text(stand.directory.path() / "runners/disk/action.json", "{}");
  ASSERT_EQ(chown((stand.directory.path() / "runners/disk/action.json").c_str(), 12345, 0), 0);
  stand.start(stand.make_job("disk", "1 8 * * *"));
  stand.start(stand.make_job("other", "1 8 * * *"));
  stand.clock.set(at("2026-11-23T08:01:00Z"));
  stand.settle();
  EXPECT_EQ(stand.history("disk").front().state, RunState::due);
  EXPECT_THAT(stand.history("disk").front().reason, HasSubstr("12345 owns "));
  EXPECT_EQ(stand.history("other").front().state, RunState::posted) << stand.log.all();
  EXPECT_EQ(chown((stand.directory.path() / "runners/disk/action.json").c_str(), 0, 0), 0);
  stand.pass(2min);
  EXPECT_EQ(stand.history("disk").front().state, RunState::posted) << "mended\n" << stand.log.all();
}

TEST(HostileRecord, AJobThatIsNotMendedIsMissedAndSaysWhy) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  Stand stand;
  write_text(stand.directory.path() / "runners/disk/action.json", "{}");
  ASSERT_EQ(chown((stand.directory.path() / "runners/disk/action.json").c_str(), 12345, 0), 0);
  stand.start(stand.make_job("disk", "1 8 * * *"));
  stand.clock.set(at("2026-11-23T08:01:00Z"));
  stand.pass(70min);
  EXPECT_EQ(stand.history("disk").front().state, RunState::missed);
  EXPECT_THAT(stand.history("disk").front().reason, HasSubstr("12345 owns "));
  EXPECT_EQ(stand.log.count("err disk@2026-11-23T08:01:00Z: missed: "), 1) << stand.log.all();
}

TEST(HostileRecord, APluginThatEverybodyMayWriteIsNotRun) {
  WaitingStand stand;
  const auto plugin = stand.directory.path() / "plugins/save";
  chmod(plugin.c_str(), 0777);
  stand.pass(5min, 5s);
  EXPECT_FALSE(stand.there("received"));
  EXPECT_EQ(stand.run().state, RunState::stored);
  EXPECT_THAT(stand.run().reason, HasSubstr("everybody may write to " + plugin.string()));
  EXPECT_EQ(stand.log.count("err disk@2026-11-23T08:01:00Z: not delivered"), 1) << stand.log.all();
  EXPECT_EQ(stand.run().failures, 0);
  chmod(plugin.c_str(), 0775);  // a group may be meant to
  stand.pass(2min, 5s);
  EXPECT_EQ(stand.run().state, RunState::delivered);
}

}  // namespace
}  // namespace mig_runner::test

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "stages/retention.h"
#include "stages/stand.h"
#include "support/sqlite_connection.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using store::RunState;
using testing::HasSubstr;

struct StoredStand : Stand {
  explicit StoredStand(const std::string& script, config::JobSettings job_settings = {}) {
    if (!script.empty()) plugin("save", script);
    config::JobConfig config;
    config.plugin = "save";
    config.settings = job_settings;
    api.commands_per_action = 3;
    start(make_job("disk", "1 8 * * *", config));
    clock.set(at("2026-11-23T08:01:00Z"));
    settle();
    pass(5min, 10s);
  }
  store::Run run() { return history("disk").front(); }
  std::string file(const std::string& name) { return read_text(directory.path() / name); }
};

TEST(Deliverer, PipesTheResultIntoThePlugin) {
  StoredStand stand("cat > received");
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_EQ(stand.file("received"), stand.file(stand.run().result_file));
  EXPECT_THAT(stand.file("received"), HasSubstr(R"("plugin":"save")"));
}

// Its directory that cannot be read, no descriptors left: that says nothing about the plugin.
TEST(Deliverer, APluginThatCannotBeLookedAtIsTriedAgainForEver) {
  config::JobSettings settings;
  settings.pluginretries = 0;
  StoredStand stand("exit 75", settings);
  const auto plugin = stand.directory.path() / "plugins/save";
  std::filesystem::remove(plugin);
  std::filesystem::create_symlink("save", plugin);
  stand.pass(1h, 1min);
  EXPECT_EQ(stand.run().state, RunState::stored);
  EXPECT_EQ(stand.run().failures, 0);
  EXPECT_THAT(stand.run().reason, HasSubstr("there are too many symlinks"));
  std::filesystem::remove(plugin);
  stand.plugin("save", "cat > received");
  stand.pass(1h, 1min);
  EXPECT_EQ(stand.run().state, RunState::delivered);
}

struct CompressedStand : Stand {
  explicit CompressedStand(const std::string& script, int commands) {
    settings.compress_results = true;
    plugin("save", script);
    config::JobConfig config;
    config.plugin = "save";
    api.commands_per_action = commands;
    start(make_job("disk", "1 8 * * *", config));
    clock.set(at("2026-11-23T08:01:00Z"));
    settle();
    pass(5min, 10s);
  }
  store::Run run() { return history("disk").front(); }
};

TEST(Deliverer, ACompressedResultReachesThePluginAsPlainJson) {
  CompressedStand stand("cat > received", 20'000);
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_TRUE(stand.run().result_file.ends_with("/7001.json.zst"));
  const auto received = nlohmann::json::parse(read_text(stand.directory.path() / "received"));
  EXPECT_EQ(received.at("commands").size(), 20'000U);
  EXPECT_EQ(received.at("plugin"), "save");
}

TEST(Deliverer, APluginMayLeaveMostOfACompressedResultUnread) {
  CompressedStand stand("head -c 10 > received", 20'000);
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_EQ(read_text(stand.directory.path() / "received"), R"({"action":)");
}

TEST(Deliverer, ACompressedResultThatIsDamagedInTheMiddleIsNotDelivered) {
  CompressedStand stand("[ -e ready ] || exit 75; cat > received", 20'000);
  const auto file = stand.directory.path() / stand.run().result_file;
  auto bytes = read_text(file);
  bytes.replace(bytes.size() / 2, 200, 200, 'x');
  write_text(file, bytes);
  write_text(stand.directory.path() / "ready", "");
  stand.pass(20min, 10s);
  EXPECT_EQ(stand.run().state, RunState::delivered) << "collected again\n" << stand.log.all();
  EXPECT_EQ(stand.log.count("damaged: it cannot be decompressed; set aside as "), 1) << stand.log.all();
}

TEST(Deliverer, ThePluginLearnsWhatItGets) {
  StoredStand stand("env | grep ^MIG_RUNNER_ | sort > environment; cat > /dev/null");
  EXPECT_EQ(stand.file("environment"),
            "MIG_RUNNER_ACTION_ID=7001\nMIG_RUNNER_ATTEMPT=1\nMIG_RUNNER_COMPLETE=true\n"
            "MIG_RUNNER_JOB=disk\nMIG_RUNNER_NOMINAL_TIME=2026-11-23T08:01:00Z\n"
            "MIG_RUNNER_RESULT_FILE=" +
                (stand.directory.path() / stand.run().result_file).string() + "\n");
}

// Fault 5 of the original, second half: a failed plugin was only logged.
TEST(Deliverer, Fault5AFailedPluginIsRunAgain) {
  StoredStand stand("cat >> received; echo x >> tries; [ $(wc -l < tries) -ge 3 ]");
  stand.pass(2min);
  EXPECT_EQ(stand.run().state, RunState::delivered);
  EXPECT_EQ(stand.file("tries"), "x\nx\nx\n");
}

TEST(Deliverer, FailuresAreCountedAndEndAsUndeliverable) {
  config::JobSettings settings;
  settings.pluginretries = 2;
  StoredStand stand("echo x >> tries; exit 3", settings);
  stand.pass(1h, 10s);
  EXPECT_EQ(stand.run().state, RunState::undeliverable);
  EXPECT_EQ(stand.file("tries"), "x\nx\nx\n");
  EXPECT_THAT(stand.run().reason, HasSubstr("exit 3"));
  EXPECT_TRUE(std::filesystem::exists(stand.directory.path() / stand.run().result_file));
}

TEST(Deliverer, Exit75DoesNotCount) {
  config::JobSettings settings;
  settings.pluginretries = 2;
  StoredStand stand("echo x >> tries; exit 75", settings);
  stand.pass(1h, 10s);
  EXPECT_EQ(stand.run().state, RunState::stored);
  EXPECT_GT(stand.file("tries").size(), 8U);
}

// Fault 8 of the original: plugins were listed only at start.
TEST(Deliverer, Fault8APluginThatIsInstalledLaterIsUsed) {
  StoredStand stand("");
  EXPECT_EQ(stand.run().state, RunState::stored);
  stand.plugin("save", "cat > received");
  stand.pass(5min, 5s);
  EXPECT_EQ(stand.run().state, RunState::delivered);
}

TEST(Deliverer, OutputGoesToTheLog) {
  StoredStand stand("echo found something; echo careful >&2");
  EXPECT_EQ(stand.log.count("info disk@2026-11-23T08:01:00Z: save: found something"), 1) << stand.log.all();
  EXPECT_EQ(stand.log.count("notice disk@2026-11-23T08:01:00Z: save: careful"), 1);
}

TEST(Deliverer, ADamagedResultIsSetAsideAndCollectedAgain) {
  StoredStand stand("echo x >> tries; [ -e ready ] && cat > received");
  const auto path = stand.directory.path() / stand.run().result_file;
  const auto whole = read_text(path);
  write_text(path, whole.substr(0, whole.size() / 2));
  write_text(stand.directory.path() / "ready", "");
  stand.pass(2min, 1s);
  EXPECT_EQ(stand.run().state, RunState::delivered) << stand.log.all();
  EXPECT_EQ(stand.file("received"), whole);
  EXPECT_TRUE(std::filesystem::exists(path.string() + ".damaged"));
}

TEST(Deliverer, ACrashDuringDeliveryDeliversAgain) {
  StoredStand stand("cat > received; exit 1");
  const auto claimed = stand.store->claim(std::array{RunState::stored}, stand.clock.now() + 1h, 1).value();
  ASSERT_EQ(claimed.size(), 1U);
  stand.plugin("save", "cat > received");
  stand.restart();
  stand.pass(1min);
  EXPECT_EQ(stand.run().state, RunState::delivered);
}

TEST(Retention, KeepsTheNewestAndNeverRemovesWhatWaits) {
  Stand stand;
  stand.plugin("save", "[ -e block ] && exit 75; cat > /dev/null");
  config::JobConfig config;
  config.plugin = "save";
  config.settings.keepresults_count = 2;
  stand.start(stand.make_job("disk", "* * * * *", config));
  stand.pass(12min, 10s);
  stages::Retention retention(stand.stages->context);
  retention.step(stand.clock.now());
  int kept = 0;
  for (const auto& run : stand.history("disk"))
    if (!run.result_file.empty()) {
      ++kept;
      EXPECT_TRUE(std::filesystem::exists(stand.directory.path() / run.result_file));
    }
  EXPECT_EQ(kept, 2);
  EXPECT_GE(stand.count(RunState::delivered), 6);

  write_text(stand.directory.path() / "block", "");
  stand.pass(5min, 10s);
  const auto waiting = stand.count(RunState::stored);
  EXPECT_GE(waiting, 4);
  retention.step(stand.clock.now());
  EXPECT_EQ(stand.count(RunState::stored), waiting);
  for (const auto& run : stand.history("disk"))
    EXPECT_TRUE(run.state != RunState::stored || std::filesystem::exists(stand.directory.path() / run.result_file));
}

TEST(Retention, ARecordThatFailsIsToldOnceForAllJobs) {
  Stand stand;
  config::JobConfig config;
  config.settings.keepresults_count = 1;
  for (const auto* job : {"a", "b", "c"}) stand.start(stand.make_job(job, "* * * * *", config));
  stages::Retention retention(stand.stages->context);
  execute(stand.location.file, "ALTER TABLE runs RENAME TO gone");
  retention.step(stand.clock.now());
  retention.step(stand.clock.now());
  EXPECT_EQ(stand.log.count("Result files are kept longer than keepresults says: "), 1) << stand.log.all();
  EXPECT_EQ(stand.log.count("err "), 1) << stand.log.all();
  execute(stand.location.file, "ALTER TABLE gone RENAME TO runs");
  retention.step(stand.clock.now());
  EXPECT_EQ(stand.log.count("notice Result files are removed again"), 1) << stand.log.all();
}

}  // namespace
}  // namespace mig_runner::test

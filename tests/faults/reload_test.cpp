// A configuration that cannot be put to use though it is right.

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "e2e/process.h"
#include "e2e/world.h"

namespace mig_runner::test {
namespace {

using testing::HasSubstr;

// The schedules can be read from the store, but not the runs.
TEST(Reload, WhereTheStagesCannotStartAgainTheRunnerWaitsAndSaysSo) {
  World world;
  world.start_sandbox();
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.log_has("Following"); })) << world.log();
  const auto execute = [&](const char* statement) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(world.path("tree/state/runs.db").c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, statement, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  };
  execute("ALTER TABLE runs RENAME TO gone");
  world.client_settings = "delayresults = 1s\n";
  world.write_configuration();
  world.runner->signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return world.log_has("Nothing is launched until this works: "); })) << world.log();
  EXPECT_THAT(world.log(), HasSubstr("no such table"));
  execute("ALTER TABLE gone RENAME TO runs");
  EXPECT_TRUE(eventually([&] { return world.log_has("The start goes on."); })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
}

// With another default zone the times that are due now would be times of an old form.
TEST(Reload, WaitsUntilWhatIsDueCanBePlanned) {
  World world;
  world.start_sandbox();
  world.job("often", "schedule = \"* * * * * * *\"\n");
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.log_has("launched as action"); })) << world.log();
  const auto record = world.path("tree/state/runs.db");
  std::filesystem::rename(record, record.string() + ".away");
  ASSERT_TRUE(eventually([&] { return world.log_has("Nothing is launched: "); })) << world.log();
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // a time is due
  world.runner_settings = "timezone = Asia/Kathmandu\n";
  world.write_configuration();
  world.runner->signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return world.log_has("The plan cannot be written: "); })) << world.log();
  std::filesystem::rename(record.string() + ".away", record);
  ASSERT_TRUE(eventually([&] { return world.log_has("Launching goes on"); })) << world.log();
  world.runner->signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return world.log_has("Reloaded: the new configuration"); })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
}

}  // namespace
}  // namespace mig_runner::test

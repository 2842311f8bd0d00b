// A configuration that cannot be put to use though it is right.

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <csignal>

#include "e2e/process.h"
#include "e2e/world.h"

namespace mig_runner::test {
namespace {

using testing::HasSubstr;

// The schedules can be read from the store, but not the runs.
TEST(Reload, WhereTheStagesCannotStartAgainTheRunnerEndsWithAnError) {
  World world;
  world.start_sandbox();
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.log_has("Following"); })) << world.log();
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(world.path("tree/state/runs.db").c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, "ALTER TABLE runs RENAME TO gone", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
  world.client_settings = "delayresults = 1s\n";
  world.write_configuration();
  world.runner->signal(SIGHUP);
  EXPECT_EQ(world.runner->wait(), 1) << "for a service manager that starts it again";
  EXPECT_THAT(world.log(), HasSubstr("The runner ends, since it cannot go on with the new configuration: "));
  EXPECT_THAT(world.log(), HasSubstr("no such table"));
}

}  // namespace
}  // namespace mig_runner::test

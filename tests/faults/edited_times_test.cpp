// Changes of the times of jobs, over a restart and under the running daemon: time zones that are replaced, schedules
// that are edited, jobs that are switched off and on, removed and put back.

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <csignal>

#include "base/time.h"
#include "cron/zone.h"
#include "e2e/world.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Timestamp system_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

// Once a day at `time`, to the second.
std::string daily(Timestamp time, const cron::Zone& zone) {
  const auto local = zone.format_local(time);  // "2026-11-23 09:00:00 CET"
  return "schedule = \"" + local.substr(17, 2) + " " + local.substr(14, 2) + " " + local.substr(11, 2) +
         " * * * *\"\nexpiry = 2s\ncatchup = latest\n";
}

std::string mig_runner() {
  return std::string(MIG_BINARY_DIR) + "/src/cli/mig-runner";
}

// The machine's zone is a file that TZ names.
class ZoneUnderTheDaemon : public testing::Test {
 protected:
  ZoneUnderTheDaemon() {
    put("UTC");
    world_.start_sandbox();
  }
  void put(const std::string& real) const { put_bytes(read_text("/usr/share/zoneinfo/" + real)); }
  void put_bytes(const std::string& bytes) const {
    write_text(world_.path("new"), bytes);
    std::filesystem::rename(world_.path("new"), zone_);
  }
  std::map<std::string, std::string> environment() const { return {{"TZ", zone_}}; }

  World world_;
  const std::string zone_ = world_.path("zone");
};

TEST_F(ZoneUnderTheDaemon, IsFollowedAtTheNextLook) {
  const auto kathmandu = cron::Zone::find("Asia/Kathmandu").value();
  world_.start_runner(environment());
  ASSERT_TRUE(eventually([&] { return world_.log_has("Following"); })) << world_.log();
  const auto time = std::chrono::ceil<std::chrono::seconds>(system_now() + 4s);
  world_.job("disk", daily(time, kathmandu));
  ASSERT_TRUE(eventually([&] { return world_.log_has("disk: job added"); })) << world_.log();
  put_bytes("TZif2");
  ASSERT_TRUE(eventually([&] { return world_.log_has("keeps its last good rules: " + zone_); })) << world_.log();
  put("Asia/Kathmandu");
  ASSERT_TRUE(eventually([&] { return world_.log_has("The rules of the time zone " + zone_ + " changed"); }))
      << world_.log();
  const auto next =
      run_command({mig_runner(), "-c", world_.path("runner.cfg"), "next", "disk", "-n", "1", "--json"}, environment());
  EXPECT_TRUE(eventually([&] { return world_.posts_of("disk") == 1; }, 10s)) << world_.log();
  EXPECT_THAT(world_.log(), HasSubstr("disk@" + format_utc(time)));
  EXPECT_THAT(next, HasSubstr(format_utc(time))) << "the command reads the zone by itself";
  EXPECT_EQ(world_.log_count("keeps its last good rules"), 1);
  EXPECT_EQ(world_.stop_runner(), 0);
}

TEST_F(ZoneUnderTheDaemon, IsFollowedAtSighup) {
  world_.runner_settings = "checkdirectory = 3600\n";
  world_.job("disk", "schedule = \"0 8 * * *\"\n");
  world_.start_runner(environment());
  ASSERT_TRUE(eventually([&] { return world_.log_has("Following"); })) << world_.log();
  put("Asia/Kathmandu");
  world_.runner->signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return world_.log_has("Reloaded: log reopened; time zones changed"); })) << world_.log();
  world_.runner->signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return world_.log_has("configuration unchanged"); })) << world_.log();
  EXPECT_EQ(world_.log_count("changed: the next times"), 1);
  EXPECT_EQ(world_.stop_runner(), 0);
}

// As if the runner had been stopped for a day.
void set_cursors_back(const World& world) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(world.path("tree/state/runs.db").c_str(), &database), SQLITE_OK);
  EXPECT_EQ(
      sqlite3_exec(database, "UPDATE jobs SET planned_through = planned_through - 86400000", nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(database);
}

TEST(EditedWhileStopped, CountsFromTheStartOn) {
  World world;
  world.start_sandbox();
  const auto hour_ago = daily(system_now() - 1h, cron::Zone::utc());
  const std::string yearly = "schedule = @yearly\n";
  for (const auto* job : {"kept", "removed", "zoned"}) world.job(job, hour_ago);
  world.job("edited", yearly);
  world.job("switched", hour_ago + "enabled = false\n");
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.log_has("Following 5 jobs"); })) << world.log();
  std::filesystem::remove_all(world.path("tree/runners/removed"));
  ASSERT_TRUE(eventually([&] { return world.log_has("removed: job removed"); })) << world.log();
  ASSERT_EQ(world.stop_runner(), 0);

  set_cursors_back(world);
  for (const auto* job : {"edited", "switched", "removed"}) world.job(job, hour_ago);
  world.job("zoned",
            daily(system_now() - 1h, cron::Zone::find("Asia/Kathmandu").value()) + "timezone = Asia/Kathmandu\n");
  world.start_runner();
  EXPECT_TRUE(eventually([&] { return world.posts_of("kept") == 1; })) << world.log();
  EXPECT_EQ(world.posts().size(), 1U) << "what was edited is not caught up\n" << world.log();
  EXPECT_EQ(world.log_count(": missed:"), 0) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
}

}  // namespace
}  // namespace mig_runner::test

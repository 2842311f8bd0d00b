// Jobs whose time zone has other rules, or can be used only later.

#include <gmock/gmock.h>

#include "spool/spool.h"
#include "support/scratch_directory.h"

namespace mig_runner::spool {
namespace {

namespace fs = std::filesystem;
using Kind = Change::Kind;

class SpoolZones : public testing::Test {
 protected:
  SpoolZones() {
    setenv("TZDIR", (scratch_.path() / "zones").c_str(), 1);
    fs::create_directories(scratch_.path() / "zones");
    for (const auto* job : {"here", "utc"}) {
      const auto directory = scratch_.path() / "runners" / job;
      const auto zone = std::string(job) == "here" ? "timezone = Here\n" : "timezone = UTC\n";
      test::write_text(directory / "entity.cfg", std::string("[configuration]\nschedule = @daily\n") + zone);
      test::write_text(directory / "action.json",
                       R"({"target":"status='online'","operations":[{"module":"pkg","parameters":{}}]})");
    }
  }
  ~SpoolZones() override { unsetenv("TZDIR"); }

  void put(const std::string& real) const {
    fs::copy_file("/usr/share/zoneinfo/" + real, scratch_.path() / "new");
    fs::rename(scratch_.path() / "new", scratch_.path() / "zones/Here");
  }
  std::vector<std::pair<std::string, Kind>> scan() {
    std::vector<std::pair<std::string, Kind>> found;
    for (const auto& change : spool_.scan()) found.emplace_back(change.name, change.kind);
    return found;
  }

  test::ScratchDirectory scratch_;
  Spool spool_{scratch_.path() / "runners", {}};
};

TEST_F(SpoolZones, OfOtherRulesChangeOnlyTheirJobs) {
  put("Europe/Berlin");
  ASSERT_EQ(scan().size(), 2U);
  put("Asia/Tokyo");
  EXPECT_TRUE(scan().empty());
  ASSERT_FALSE(cron::renew_zones().empty());
  spool_.read_all_again();
  EXPECT_THAT(scan(), testing::ElementsAre(std::pair("here", Kind::rezoned)));
  EXPECT_EQ(spool_.find("here")->zone.format_local(Timestamp{}), "1970-01-01 09:00:00 JST");
  EXPECT_TRUE(scan().empty());
}

TEST_F(SpoolZones, ThatComeLaterMakeTheirJobsWhole) {
  EXPECT_THAT(scan(), testing::ElementsAre(std::pair("here", Kind::broken), std::pair("utc", Kind::added)));
  put("Europe/Berlin");
  ASSERT_FALSE(cron::renew_zones().empty());
  spool_.read_all_again();
  EXPECT_THAT(scan(), testing::ElementsAre(std::pair("here", Kind::added)));
}

TEST_F(SpoolZones, ThatBreakLeaveTheirJobsAsTheyAre) {
  put("Europe/Berlin");
  scan();
  fs::remove(scratch_.path() / "zones/Here");
  cron::renew_zones();
  EXPECT_FALSE(cron::renew_zones().empty());
  test::write_text(scratch_.path() / "runners/here/entity.cfg",
                   "[configuration]\nschedule = @hourly\ntimezone = Here\n");
  EXPECT_THAT(scan(), testing::ElementsAre(std::pair("here", Kind::changed)));
}

}  // namespace
}  // namespace mig_runner::spool

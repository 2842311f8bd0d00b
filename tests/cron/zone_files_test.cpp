// Zones whose files are replaced, broken or not readable while they are in use.

#include "cron/zone_files.h"

#include <gmock/gmock.h>

#include "cron/local_clock.h"
#include "cron/zone_names.h"
#include "cron/zone_rules.h"
#include "support/no_descriptors.h"
#include "support/scratch_directory.h"

namespace mig_runner::cron {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = ZoneChange::Kind;

// A tz database that a test writes to.
class TzDatabase {
 public:
  TzDatabase() { setenv("TZDIR", directory_.path().c_str(), 1); }
  ~TzDatabase() { unsetenv("TZDIR"); }
  TzDatabase(const TzDatabase&) = delete;
  TzDatabase& operator=(const TzDatabase&) = delete;

  fs::path path(const std::string& name) const { return directory_.path() / name; }
  // As a package manager does: a new file takes the old one's name.
  void put(const std::string& name, const std::string& bytes) const {
    test::write_text(path("new"), bytes);
    fs::create_directories(path(name).parent_path());
    fs::rename(path("new"), path(name));
  }
  void put_zone(const std::string& name, const std::string& real) const {
    put(name, test::read_text("/usr/share/zoneinfo/" + real));
  }
  ZoneFile named(const std::string& name) const { return {ZoneFile::Kind::named, path(name)}; }
  ZoneFile machine() const { return {ZoneFile::Kind::machine, path("localtime")}; }
  void link(const std::string& target) const {
    fs::remove(path("localtime"));
    fs::create_symlink(target, path("localtime"));
  }

 private:
  test::ScratchDirectory directory_;
};

std::int32_t january_offset(const Zone::Rules& rules) {
  return rules.periods[rules.period_at(1767225600)].type.offset;
}

std::vector<Kind> kinds(const std::vector<ZoneChange>& changes) {
  std::vector<Kind> all;
  for (const auto& change : changes) all.push_back(change.kind);
  return all;
}

TEST(ZoneFiles, AreFollowedWhenTheyAreReplaced) {
  const TzDatabase database;
  database.put_zone("Europe/Berlin", "Europe/Berlin");
  const auto before = Zone::find("Europe/Berlin").value();
  EXPECT_THAT(renew_zones(), IsEmpty());
  database.put_zone("Europe/Berlin", "Asia/Tokyo");
  EXPECT_TRUE(Zone::find("Europe/Berlin").value() == before) << "all jobs change at the same look";
  const auto changes = renew_zones();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].text,
            "The rules of the time zone Europe/Berlin changed: the next times of its jobs are those from now on.");
  const auto after = Zone::find("Europe/Berlin").value();
  EXPECT_EQ(january_offset(after.rules()), 9 * 3600);
  EXPECT_EQ(january_offset(before.rules()), 3600);
  EXPECT_FALSE(after == before);
  EXPECT_THAT(renew_zones(), IsEmpty());
}

TEST(ZoneFiles, OfTheSameContentAreNoChange) {
  const TzDatabase database;
  database.put_zone("Europe/Berlin", "Europe/Berlin");
  const auto zone = Zone::find("Europe/Berlin").value();
  database.put_zone("Europe/Berlin", "Europe/Berlin");
  EXPECT_THAT(renew_zones(), IsEmpty());
  EXPECT_EQ(&Zone::find("Europe/Berlin")->rules(), &zone.rules());
}

TEST(ZoneFiles, ThatBreakLeaveTheLastGoodRules) {
  const TzDatabase database;
  database.put_zone("Europe/Berlin", "Europe/Berlin");
  const auto good = Zone::find("Europe/Berlin").value();
  for (const auto* broken : {"", "TZif2"}) {
    database.put("Europe/Berlin", broken);
    const auto changes = renew_zones();
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].kind, Kind::kept);
    EXPECT_THAT(changes[0].text, HasSubstr("The time zone Europe/Berlin keeps its last good rules: " +
                                           database.path("Europe/Berlin").string() + ": "));
    EXPECT_THAT(renew_zones(), IsEmpty()) << "told once";
    EXPECT_TRUE(Zone::find("Europe/Berlin").value() == good);
    database.put_zone("Europe/Berlin", "Europe/Berlin");
    EXPECT_THAT(kinds(renew_zones()), testing::ElementsAre(Kind::usable));
    EXPECT_THAT(renew_zones(), IsEmpty());
  }
  fs::remove(database.path("Europe/Berlin"));
  EXPECT_THAT(renew_zones(), IsEmpty()) << "it may be about to be replaced";
  EXPECT_THAT(kinds(renew_zones()), testing::ElementsAre(Kind::kept));
  EXPECT_THAT(renew_zones(), IsEmpty());
  EXPECT_TRUE(Zone::find("Europe/Berlin").value() == good);
}

TEST(ZoneFiles, ThatCannotBeOpenedNowAreNotTakenForAbsent) {
  const TzDatabase database;
  database.put_zone("Europe/Berlin", "Europe/Berlin");
  database.put_zone("Asia/Tokyo", "Asia/Tokyo");
  const auto good = Zone::find("Europe/Berlin").value();
  database.put_zone("Europe/Berlin", "Asia/Tokyo");
  {
    const test::NoDescriptors left;
    const auto other = Zone::find("Asia/Tokyo");
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().retry, Retry::later);
    EXPECT_THAT(other.error().text(), HasSubstr("Asia/Tokyo: it cannot be opened: Too many open files"));
    EXPECT_THAT(kinds(renew_zones()), testing::ElementsAre(Kind::kept));
    EXPECT_THAT(renew_zones(), IsEmpty());
    EXPECT_TRUE(Zone::find("Europe/Berlin").value() == good);
  }
  const auto changes = renew_zones();
  EXPECT_THAT(kinds(changes), testing::ElementsAre(Kind::changed, Kind::usable));
  EXPECT_TRUE(Zone::find("Asia/Tokyo"));
}

TEST(ZoneFiles, ThatComeLaterCanBeUsed) {
  const TzDatabase database;
  EXPECT_THAT(Zone::find("Europe/Berlin").error().what, HasSubstr("has no zones (package tzdata)"));
  EXPECT_THAT(renew_zones(), IsEmpty());
  database.put_zone("Europe/Berlin", "Europe/Berlin");
  const auto changes = renew_zones();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].text, "The time zone Europe/Berlin can be used now.");
  EXPECT_TRUE(Zone::find("Europe/Berlin"));
}

TEST(MachineZone, ThatIsALinkToNothingIsAnError) {
  const TzDatabase database;
  database.link("nowhere");
  ZoneFiles files;
  const auto rules = files.rules(database.machine());
  ASSERT_FALSE(rules);
  EXPECT_EQ(rules.error().text(), database.path("localtime").string() + ": it is a link to " +
                                      database.path("nowhere").string() +
                                      ", which does not exist: link it to a zone in " + zone_directory().string() +
                                      " (timedatectl set-timezone ZONE), or set timezone in runner.cfg");
  EXPECT_THAT(files.renew(), IsEmpty());
  database.put_zone("Asia/Tokyo", "Asia/Tokyo");
  database.link(database.path("Asia/Tokyo"));
  EXPECT_THAT(kinds(files.renew()), testing::ElementsAre(Kind::usable));
  EXPECT_EQ(files.rules(database.machine()).value().value()->name, "Asia/Tokyo");
}

TEST(MachineZone, OfADirectoryOrAnUnreadableFileIsAnError) {
  const TzDatabase database;
  ZoneFiles files;
  fs::create_directory(database.path("localtime"));
  EXPECT_FALSE(files.rules(database.machine()));
  fs::remove(database.path("localtime"));
  database.put_zone("localtime", "Asia/Tokyo");
  const test::NoDescriptors left;
  EXPECT_EQ(files.rules(database.machine()).error().retry, Retry::later);
}

TEST(MachineZone, ThatIsNotThereIsUtc) {
  const TzDatabase database;
  ZoneFiles files;
  EXPECT_EQ(files.rules(database.machine()).value().value(), utc_rules());
  EXPECT_THAT(files.renew(), IsEmpty());
  database.put_zone("Asia/Tokyo", "Asia/Tokyo");
  database.link("Asia/Tokyo");
  const auto changes = files.renew();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].text,
            "The machine's time zone is Asia/Tokyo now, no longer UTC: the next times of its jobs are those from now "
            "on.");
  EXPECT_EQ(files.rules(database.machine()).value().value()->name, "Asia/Tokyo");
}

TEST(MachineZone, IsFollowedWhereItsLinkLeads) {
  const TzDatabase database;
  ZoneFiles files;
  database.put_zone("Europe/Berlin", "Europe/Berlin");
  fs::create_hard_link(database.path("Europe/Berlin"), database.path("Europe/Copenhagen"));
  database.link("Europe/Berlin");
  const auto berlin = files.rules(database.machine()).value().value();
  fs::remove(database.path("localtime"));
  EXPECT_THAT(files.renew(), IsEmpty()) << "as between rm and ln -s";
  database.link("Europe/Copenhagen");
  const auto changes = files.renew();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].kind, Kind::changed);
  const auto copenhagen = files.rules(database.machine()).value().value();
  EXPECT_EQ(copenhagen->name, "Europe/Copenhagen");
  database.link("nowhere");
  EXPECT_THAT(kinds(files.renew()), testing::ElementsAre(Kind::kept));
  fs::remove(database.path("localtime"));
  EXPECT_THAT(files.renew(), IsEmpty());
  const auto to_utc = files.renew();
  EXPECT_THAT(kinds(to_utc), testing::ElementsAre(Kind::changed));
  EXPECT_EQ(files.rules(database.machine()).value().value(), utc_rules());
}

TEST(ZoneIdentity, OfAFileOutsideTheDatabaseTellsItsRules) {
  const TzDatabase database;
  EXPECT_EQ(Zone::utc().identity(), "UTC");
  const auto identity = [&](const std::string& real) {
    const test::ScratchDirectory elsewhere;
    fs::copy_file("/usr/share/zoneinfo/" + real, elsewhere.path() / "zone");
    const LocalClock clock((elsewhere.path() / "zone").string());
    const auto text = Zone::local()->identity();
    EXPECT_THAT(text, HasSubstr((elsewhere.path() / "zone").string() + ' '));
    return text.substr(text.find(' '));
  };
  EXPECT_NE(identity("Europe/Berlin"), identity("Asia/Tokyo"));
  EXPECT_EQ(identity("Europe/Berlin"), identity("Europe/Berlin"));
}

}  // namespace
}  // namespace mig_runner::cron

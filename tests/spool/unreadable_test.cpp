// A job that cannot be read for a moment is not gone.

#include <sys/resource.h>

#include <filesystem>

#include "spool/stand.h"

namespace mig_runner::spool {
namespace {

namespace fs = std::filesystem;
using test::write_text;
using testing::HasSubstr;

class Unreadable : public SpoolTest {
 protected:
  void permit(const fs::path& path, unsigned mode) { fs::permissions(runners / path, fs::perms(mode)); }
  std::vector<Change> scan_as_nobody() {
    const AsNobody nobody(directory.path());
    return spool.scan();
  }
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  }
};

TEST_F(Unreadable, AJobWhoseDirectoryMayNotBeEnteredStays) {
  write_job("a");
  write_job("b", "0 8 * * *");
  settle();
  EXPECT_EQ(said(scan_as_nobody()), "added a, added b");
  permit("b", 0000);
  const auto changes = scan_as_nobody();
  ASSERT_EQ(said(changes), "unreadable b");
  EXPECT_EQ(changes[0].problems.at(0).file, (runners / "b/entity.cfg").string());
  EXPECT_THAT(changes[0].problems[0].message, HasSubstr("Permission denied"));
  EXPECT_EQ(said(scan_as_nobody()), "") << "told once";
  EXPECT_EQ(schedule_of("b"), "0 8 * * *");
  permit("b", 0755);
  EXPECT_EQ(said(scan_as_nobody()), "readable b");
  permit("b", 0000);
  EXPECT_EQ(said(scan_as_nobody()), "unreadable b") << "another time is told again";
  fs::remove_all(runners / "b");
  EXPECT_EQ(said(scan_as_nobody()), "readable b, removed b");
}

TEST_F(Unreadable, AFileThatMayNotBeReadIsNotBroken) {
  write_job("a", "0 8 * * *");
  settle();
  scan_as_nobody();
  write_text(runners / "a/entity.cfg", entity("0 9 * * *"));
  permit("a/entity.cfg", 0000);
  settle();
  const auto changes = scan_as_nobody();
  ASSERT_EQ(said(changes), "unreadable a");
  EXPECT_EQ(changes[0].job->config.schedule, "0 8 * * *");
  EXPECT_EQ(said(scan_as_nobody()), "");
  permit("a/entity.cfg", 0644);
  settle();
  EXPECT_EQ(said(scan_as_nobody()), "readable a, changed a");
}

TEST_F(Unreadable, AtTheFirstScanItComesLater) {
  write_job("a");
  write_job("b");
  permit("b", 0000);
  settle();
  auto changes = scan_as_nobody();
  ASSERT_EQ(said(changes), "added a, unreadable b");
  EXPECT_EQ(changes[1].job, nullptr);
  permit("b", 0755);
  changes = scan_as_nobody();
  ASSERT_EQ(said(changes), "readable b, added b");
  EXPECT_TRUE(changes[1].was_there);
  write_job("c");
  settle();
  changes = scan_as_nobody();
  ASSERT_EQ(said(changes), "added c");
  EXPECT_FALSE(changes[0].was_there) << "it came while we looked";
}

TEST_F(Unreadable, TheDirectoryOfJobsItself) {
  write_job("a");
  settle();
  scan_as_nobody();
  fs::permissions(runners, fs::perms(0000));
  const auto changes = scan_as_nobody();
  ASSERT_EQ(said(changes), "unreadable runners/");
  EXPECT_THAT(changes[0].problems.at(0).text(), HasSubstr("Permission denied"));
  EXPECT_EQ(said(scan_as_nobody()), "");
  EXPECT_NE(spool.find("a"), nullptr);
  fs::permissions(runners, fs::perms(0711));  // its jobs can be looked at, but not listed
  EXPECT_EQ(said(scan_as_nobody()), "");
  fs::permissions(runners, fs::perms(0755));
  EXPECT_EQ(said(scan_as_nobody()), "readable runners/");
}

TEST_F(SpoolTest, ALinkToItselfIsAnErrorAndNoAbsence) {
  write_job("disk");
  spool.scan();
  fs::rename(runners / "disk", directory.path() / "disk");
  fs::create_symlink("disk", runners / "disk");
  EXPECT_EQ(said(spool.scan()), "unreadable disk");
  fs::remove(runners / "disk");
  fs::rename(directory.path() / "disk", runners / "disk");
  EXPECT_EQ(said(spool.scan()), "readable disk");
}

TEST_F(SpoolTest, ANewSpoolGoesOnWithWhatTheEarlierOneRead) {
  write_job("broken", "0 8 * * *");
  write_job("gone", "0 8 * * *");
  write_job("right", "0 8 * * *");
  write_job("unreadable", "0 8 * * *");
  spool.scan();
  const std::vector before{spool.find("broken"), spool.find("gone"), spool.find("right"), spool.find("unreadable")};
  write_job("broken", "8");
  fs::remove_all(runners / "gone");
  fs::rename(runners / "unreadable", directory.path() / "unreadable");
  fs::create_symlink("unreadable", runners / "unreadable");
  config::JobSettings defaults;
  defaults.timezone = "Asia/Tokyo";
  Spool next(runners, defaults, clock, before);
  EXPECT_EQ(said(next.scan()), "added broken, broken broken, added right, added unreadable, unreadable unreadable");
  EXPECT_EQ(next.find("right")->zone.name(), "Asia/Tokyo");
  EXPECT_EQ(next.find("gone"), nullptr);
  fs::remove(runners / "unreadable");
  fs::rename(directory.path() / "unreadable", runners / "unreadable");
  EXPECT_EQ(said(next.scan()), "readable unreadable, changed unreadable") << "with the new defaults";
  EXPECT_EQ(next.find("unreadable")->zone.name(), "Asia/Tokyo");

  fs::rename(runners, directory.path() / "away");
  Spool without(runners, {}, clock, before);
  EXPECT_EQ(said(without.scan()), "added broken, added gone, added right, added unreadable, unreadable runners/");
  EXPECT_EQ(said(without.scan()), "");
  fs::rename(directory.path() / "away", runners);
  EXPECT_EQ(said(without.scan()), "readable runners/, removed gone, broken broken, changed right, changed unreadable");
}

// Every number of descriptors that are left, from none on, fails at another place.
TEST_F(SpoolTest, WithoutDescriptorsNothingIsRemovedAndNothingIsBroken) {
  for (int i = 0; i < 12; ++i) write_job("job" + std::to_string(i));
  spool.scan();
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const int next = dup(0);
  close(next);
  int failures = 0;
  for (int left = 0; left < 4; ++left) {
    for (int i = 0; i < 12; ++i) write_job("job" + std::to_string(i), std::to_string(left) + " 9 * * *");
    rlimit few = limit;
    few.rlim_cur = static_cast<rlim_t>(next + left);
    setrlimit(RLIMIT_NOFILE, &few);
    const auto meanwhile = spool.scan();
    const auto again = spool.scan();
    setrlimit(RLIMIT_NOFILE, &limit);
    for (const auto& change : meanwhile) {
      EXPECT_TRUE(change.kind == Change::Kind::unreadable || change.kind == Change::Kind::changed)
          << left << ": " << said(meanwhile);
      if (change.kind == Change::Kind::unreadable) {
        ++failures;
        EXPECT_THAT(change.problems.at(0).message, HasSubstr("Too many open files"));
      }
    }
    EXPECT_EQ(said(again), "") << left;
    spool.scan();
    EXPECT_EQ(spool.size(), 12U);
    EXPECT_EQ(schedule_of("job11"), std::to_string(left) + " 9 * * *") << "read as soon as it can be";
  }
  EXPECT_GT(failures, 0);
}

}  // namespace
}  // namespace mig_runner::spool

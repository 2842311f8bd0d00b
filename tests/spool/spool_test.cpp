#include "spool/spool.h"

#include <gmock/gmock.h>

#include "base/names.h"
#include "mig/action.h"
#include "spool/stand.h"

namespace mig_runner::spool {
namespace {

namespace fs = std::filesystem;
using test::write_text;
using testing::HasSubstr;

TEST_F(SpoolTest, ReadsAllJobsAtFirstAndOnlyChangesLater) {
  write_job("disk");
  write_job("ports");
  EXPECT_EQ(said(spool.scan()), "added disk, added ports");
  EXPECT_EQ(said(spool.scan()), "");
  write_job("disk", "0 8 * * *");
  EXPECT_EQ(said(spool.scan()), "changed disk");
  EXPECT_EQ(spool.find("disk")->config.schedule, "0 8 * * *");
  fs::remove_all(runners / "ports");
  EXPECT_EQ(said(spool.scan()), "removed ports");
  EXPECT_EQ(spool.size(), 1U);
}

// Fault 9 of the original: an edited action.json was not noticed.
TEST_F(SpoolTest, Fault9AChangeOfTheActionAloneIsAChange) {
  write_job("disk");
  spool.scan();
  write_text(runners / "disk" / "action.json", R"({"target":"mode='daemon'","operations":[]})");
  EXPECT_EQ(said(spool.scan()), "changed disk");
  EXPECT_EQ(spool.find("disk")->action().target(), "mode='daemon'");
}

TEST_F(SpoolTest, ATouchedFileWithTheSameContentIsNoChange) {
  write_job("disk");
  spool.scan();
  write_job("disk");
  EXPECT_EQ(said(spool.scan()), "");
}

TEST_F(SpoolTest, ABrokenJobIsReportedOnceAndStaysOnItsLastGoodForm) {
  write_job("disk", "0 8 * * *");
  spool.scan();
  write_job("disk", "5-1 * * * *");
  const auto changes = spool.scan();
  ASSERT_EQ(said(changes), "broken disk");
  EXPECT_EQ(changes[0].job->config.schedule, "0 8 * * *");
  ASSERT_EQ(changes[0].problems.size(), 1U);
  EXPECT_EQ(changes[0].problems[0].file, (runners / "disk" / "entity.cfg").string());
  EXPECT_EQ(changes[0].problems[0].line, 2);
  EXPECT_GE(changes[0].problems[0].column, 13);
  EXPECT_EQ(said(spool.scan()), "");
  EXPECT_EQ(spool.find("disk")->config.schedule, "0 8 * * *");
  write_job("disk", "6-1 * * * *");
  EXPECT_EQ(said(spool.scan()), "broken disk") << "another mistake is another report";
  write_job("disk", "0 9 * * *");
  EXPECT_EQ(said(spool.scan()), "changed disk");
}

// Fault 9 of the original, second half: an action was not validated until its launch.
TEST_F(SpoolTest, Fault9ABrokenActionIsPlacedInItsFile) {
  write_job("disk", "* * * * *", "{\n  \"target\": }");
  const auto changes = spool.scan();
  ASSERT_EQ(said(changes), "broken disk");
  EXPECT_EQ(changes[0].job, nullptr);
  EXPECT_THAT(changes[0].problems.at(0).text(), HasSubstr("action.json:2:13"));
  EXPECT_EQ(spool.size(), 0U);
}

TEST_F(SpoolTest, EveryProblemOfBothFilesIsSaid) {
  write_text(runners / "disk" / "entity.cfg", "[configuration]\nschedule = \"61 * * * *\"\ntimezone = Europe/Berlim\n");
  write_text(runners / "disk" / "action.json", "{");
  const auto changes = spool.scan();
  ASSERT_EQ(said(changes), "broken disk");
  ASSERT_EQ(changes[0].problems.size(), 3U);
  EXPECT_THAT(changes[0].problems[1].text(), HasSubstr("Europe/Berlin"));
}

TEST_F(SpoolTest, AMissingFileIsSaidAtTheScan) {
  write_text(runners / "disk" / "entity.cfg", "[configuration]\nschedule = \"* * * * *\"\n");
  EXPECT_EQ(said(spool.scan()), "") << "the other may be on its way";
  EXPECT_TRUE(spool.is_waiting());
  settle();
  EXPECT_EQ(said(spool.scan()), "");
  clock.advance(Spool::kLongWait);
  const auto changes = spool.scan();
  ASSERT_EQ(said(changes), "broken disk");
  EXPECT_THAT(changes[0].problems.at(0).text(), HasSubstr("action.json"));
  EXPECT_FALSE(spool.is_waiting());
}

TEST_F(SpoolTest, ADirectoryWithoutJobFilesIsNoJob) {
  write_text(runners / "old" / "results" / "20261123" / "7.json", "{}");
  write_text(runners / "README", "not a job");
  EXPECT_EQ(said(spool.scan()), "");
}

TEST_F(SpoolTest, NamesAJobMayNotHave) {
  write_job(".hidden");
  write_job("two\nlines");
  EXPECT_EQ(said(spool.scan()), "broken two\nlines");
  EXPECT_EQ(said(spool.scan()), "");
  for (const char* name : {"", ".", "..", ".x", "a/b", "a\x01", "a\x7f", "\xff", "\xed\xa0\x80", "\xc0\x80"})
    EXPECT_NE(job_name_problem(name), "") << name;
  for (const char* name : {"disk", "a..b", "with space",
                           "gr\xc3\xbc\xc3\x9f"
                           "e",
                           "\xf0\x9f\x98\x80"})
    EXPECT_EQ(job_name_problem(name), "") << name;
  EXPECT_EQ(job_name_problem(std::string(200, 'x')), "");
  EXPECT_NE(job_name_problem(std::string(201, 'x')), "");
}

TEST_F(SpoolTest, TheKernelTellsOfChanges) {
  write_job("disk");
  spool.scan();
  spool.read_events();
  write_job("disk", "0 8 * * *");
  EXPECT_EQ(said(spool.read_events()), "changed disk");
  // As editors save: a new file renamed into place.
  write_text(runners / "disk" / "entity.cfg~", "[configuration]\nschedule = \"0 9 * * *\"\n");
  fs::rename(runners / "disk" / "entity.cfg~", runners / "disk" / "entity.cfg");
  EXPECT_EQ(said(spool.read_events()), "changed disk");
  // A new job that is filled file by file.
  fs::create_directories(runners / "ports");
  EXPECT_EQ(said(spool.read_events()), "");
  write_text(runners / "ports" / "entity.cfg", "[configuration]\nschedule = \"* * * * *\"\n");
  EXPECT_EQ(said(spool.read_events()), "");
  write_text(runners / "ports" / "action.json", R"({"target":"x"})");
  EXPECT_EQ(said(spool.read_events()), "added ports");
  fs::remove_all(runners / "ports");
  EXPECT_EQ(said(spool.read_events()), "removed ports");
  fs::rename(runners / "disk", runners / "disk2");
  EXPECT_EQ(said(spool.read_events()), "removed disk, added disk2");
}

// As a deployment swaps a whole job.
TEST_F(SpoolTest, AReplacedJobDirectoryIsFollowed) {
  write_job("disk");
  write_job("disk.new", "0 8 * * *");
  spool.scan();
  fs::rename(runners / "disk", runners / "disk.old");
  fs::rename(runners / "disk.new", runners / "disk");
  EXPECT_EQ(said(spool.read_events()), "changed disk, removed disk.new, added disk.old");
  write_job("disk", "0 9 * * *");
  EXPECT_EQ(said(spool.read_events()), "changed disk");
  write_job("disk.old", "0 10 * * *");
  EXPECT_EQ(said(spool.read_events()), "changed disk.old");
  fs::remove(runners / "disk" / "entity.cfg");
  fs::remove(runners / "disk" / "action.json");
  EXPECT_EQ(said(spool.read_events()), "removed disk");
  write_job("disk");
  EXPECT_EQ(said(spool.read_events()), "added disk");
}

TEST_F(SpoolTest, AReplacedDirectoryOfJobsIsFollowed) {
  write_job("disk");
  spool.scan();
  fs::rename(runners, directory.path() / "old");
  EXPECT_EQ(said(spool.read_events()), "unreadable runners/");
  EXPECT_EQ(spool.size(), 1U) << "what cannot be read keeps running as it was";
  EXPECT_EQ(said(spool.scan()), "") << "reported once";
  write_job("ports");
  EXPECT_EQ(said(spool.scan()), "readable runners/, removed disk, added ports");
  write_job("more");
  EXPECT_EQ(said(spool.read_events()), "added more");
}

TEST_F(SpoolTest, ASymbolicLinkToAJobIsFollowed) {
  fs::create_directories(runners);
  write_job("disk");
  fs::rename(runners / "disk", directory.path() / "elsewhere");
  fs::create_directory_symlink(directory.path() / "elsewhere", runners / "disk");
  EXPECT_EQ(said(spool.scan()), "added disk");
}

TEST_F(SpoolTest, TheHashIsOfTheContentAlone) {
  write_job("a");
  write_job("b");
  write_job("c", "0 8 * * *");
  spool.scan();
  EXPECT_EQ(spool.find("a")->content_hash, spool.find("b")->content_hash);
  EXPECT_NE(spool.find("a")->content_hash, spool.find("c")->content_hash);
}

}  // namespace
}  // namespace mig_runner::spool

// Deployments that swap a symlink are seen at once, and followed.

#include <filesystem>

#include "spool/stand.h"

namespace mig_runner::spool {
namespace {

namespace fs = std::filesystem;
using test::write_text;

// As `ln -sfn` and the kubelet do.
void swap_link(const fs::path& target, const fs::path& link) {
  const auto temporary = link.parent_path() / ".swap";
  fs::create_symlink(target, temporary);
  fs::rename(temporary, link);
}

// As the kernel counts them.
std::size_t watches_of(const Spool& spool) {
  const auto text = test::read_text("/proc/self/fdinfo/" + std::to_string(spool.event_fd()));
  std::size_t count = 0;
  for (auto at = text.find("inotify wd:"); at != std::string::npos; at = text.find("inotify wd:", at + 1)) ++count;
  return count;
}

TEST_F(SpoolTest, AConfigMapMountedAsAJob) {
  const auto mount = runners / "disk";
  const auto put = [&](const std::string& version, const std::string& schedule) {
    write_text(mount / version / "entity.cfg", entity(schedule));
    write_text(mount / version / "action.json", kAction);
    swap_link(version, mount / "..data");
  };
  put("..2026_01", "0 8 * * *");
  fs::create_symlink("..data/entity.cfg", mount / "entity.cfg");
  fs::create_symlink("..data/action.json", mount / "action.json");
  EXPECT_EQ(said(spool.scan()), "added disk");
  put("..2026_02", "0 9 * * *");
  fs::remove_all(mount / "..2026_01");
  EXPECT_EQ(said(spool.read_events()), "changed disk");
  put("..2026_03", "0 10 * * *");
  fs::remove_all(mount / "..2026_02");
  EXPECT_EQ(said(spool.read_events()), "changed disk");
  EXPECT_EQ(schedule_of("disk"), "0 10 * * *");
  EXPECT_EQ(watches_of(spool), 4U) << "of runners/ and its parent, the job and its data";
}

TEST_F(SpoolTest, AConfigMapMountedAsTheDirectoryOfJobs) {
  const auto put = [&](const std::string& version, const std::string& schedule) {
    write_job(version + "/disk", schedule);
    swap_link(version, runners / "..data");
  };
  put("..2026_01", "0 8 * * *");
  fs::create_symlink("..data/disk", runners / "disk");
  EXPECT_EQ(said(spool.scan()), "added disk");
  for (const char* hour : {"9", "10"}) {
    put("..2026_" + std::string(hour), "0 " + std::string(hour) + " * * *");
    EXPECT_EQ(said(spool.read_events()), "changed disk");
  }
  write_job("..2026_10/disk", "0 11 * * *");
  EXPECT_EQ(said(spool.read_events()), "changed disk") << "the watch followed";
  fs::remove_all(runners / "..2026_10/disk");
  EXPECT_EQ(said(spool.read_events()), "removed disk");
}

// Mounted volumes belong to root.
TEST_F(SpoolTest, AConfigMapOfAnotherUserIsSeenAtOnceToo) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const auto put = [&](const std::string& version, const std::string& schedule) {
    write_job(version + "/disk", schedule);
    swap_link(version, runners / "..data");
  };
  const auto look = [&](bool all) {
    const AsNobody nobody(directory.path());
    return said(all ? spool.scan() : spool.read_events());
  };
  put("..2026_01", "0 8 * * *");
  fs::create_symlink("..data/disk", runners / "disk");
  settle();
  EXPECT_EQ(look(true), "added disk");
  put("..2026_02", "0 9 * * *");
  set_to_real_time();
  EXPECT_EQ(look(false), "changed disk");
}

TEST_F(SpoolTest, AReleaseWhoseLinkIsSwapped) {
  const auto releases = directory.path() / "releases";
  const auto put = [&](const std::string& release, const std::string& job, const std::string& schedule) {
    write_text(releases / release / "runners" / job / "entity.cfg", entity(schedule));
    write_text(releases / release / "runners" / job / "action.json", kAction);
  };
  put("1", "disk", "0 8 * * *");
  put("1", "ports", "0 8 * * *");
  put("2", "disk", "0 9 * * *");
  swap_link("releases/1", directory.path() / "current");
  fs::create_symlink("current/runners", runners);
  EXPECT_EQ(said(spool.scan()), "added disk, added ports");
  swap_link("releases/2", directory.path() / "current");
  EXPECT_EQ(said(spool.read_events()), "removed ports, changed disk");
  EXPECT_EQ(watches_of(spool), 4U) << "of the two links' directory, releases/2 and its runners/, and the job";
  put("2", "disk", "0 10 * * *");
  EXPECT_EQ(said(spool.read_events()), "changed disk") << "the watch followed";
  put("1", "disk", "0 11 * * *");
  EXPECT_EQ(said(spool.read_events()), "") << "what is not in use any more is not looked at";
  fs::remove(runners);
  fs::create_directories(runners);
  EXPECT_EQ(said(spool.read_events()), "removed disk");
  write_job("more");
  EXPECT_EQ(said(spool.read_events()), "added more");
}

// rsync --link-dest: both releases have the very same files.
TEST_F(SpoolTest, AReleaseOfLinkedFilesIsFollowed) {
  write_job("disk");
  fs::rename(runners, directory.path() / "1");
  fs::copy(directory.path() / "1", directory.path() / "2",
           fs::copy_options::recursive | fs::copy_options::create_hard_links);
  swap_link("1", runners);
  EXPECT_EQ(said(spool.scan()), "added disk");
  swap_link("2", runners);
  EXPECT_EQ(said(spool.scan()), "");
  fs::remove_all(directory.path() / "1");
  fs::remove(directory.path() / "2/disk/entity.cfg");
  write_text(directory.path() / "2/disk/entity.cfg", entity("0 9 * * *"));
  EXPECT_EQ(said(spool.read_events()), "changed disk");
}

TEST_F(SpoolTest, AJobThatIsASymlink) {
  write_text(directory.path() / "jobs/1/disk/entity.cfg", entity("0 8 * * *"));
  write_text(directory.path() / "jobs/1/disk/action.json", kAction);
  write_text(directory.path() / "jobs/2/disk/entity.cfg", entity("0 9 * * *"));
  write_text(directory.path() / "jobs/2/disk/action.json", kAction);
  fs::create_directories(runners);
  swap_link("1", directory.path() / "jobs/current");
  fs::create_symlink("../jobs/current/disk", runners / "disk");
  EXPECT_EQ(said(spool.scan()), "added disk");
  swap_link("2", directory.path() / "jobs/current");
  EXPECT_EQ(said(spool.read_events()), "changed disk");
  EXPECT_EQ(watches_of(spool), 4U) << "of runners/ and its parent, jobs/ and the job";
  swap_link("../jobs/1/disk", runners / "disk");
  EXPECT_EQ(said(spool.read_events()), "changed disk");
  write_text(directory.path() / "jobs/1/disk/entity.cfg", entity("0 10 * * *"));
  EXPECT_EQ(said(spool.read_events()), "changed disk");
}

TEST_F(SpoolTest, AFileThatSeveralJobsShare) {
  write_text(directory.path() / "shared/entity.cfg", entity("0 8 * * *"));
  for (const char* name : {"disk", "ports"}) {
    write_text(runners / name / "action.json", kAction);
    fs::create_symlink("../../shared/entity.cfg", runners / name / "entity.cfg");
  }
  EXPECT_EQ(said(spool.scan()), "added disk, added ports");
  write_text(directory.path() / "shared/entity.cfg", entity("0 9 * * *"));
  EXPECT_EQ(said(spool.read_events()), "changed disk, changed ports");
}

TEST_F(SpoolTest, TwoNamesOfOneDirectoryAreTwoJobs) {
  write_job("disk");
  fs::create_directory_symlink("disk", runners / "disk-too");
  EXPECT_EQ(said(spool.scan()), "added disk, added disk-too");
  write_job("disk", "0 9 * * *");
  EXPECT_EQ(said(spool.read_events()), "changed disk, changed disk-too");
}

// Looked at once a second, they cost nothing and say nothing.
TEST_F(SpoolTest, HiddenDirectoriesAreNoJobs) {
  for (const char* name : {".git", ".snapshot", "..2024_01_01", "lost+found"}) write_job(name);
  EXPECT_EQ(said(spool.scan()), "");
  write_job(".git", "0 9 * * *");
  EXPECT_EQ(said(spool.read_events()), "");
  EXPECT_EQ(spool.size(), 0U);
}

}  // namespace
}  // namespace mig_runner::spool

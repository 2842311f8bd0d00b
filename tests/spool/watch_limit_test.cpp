// The kernel's limits of inotify: told once, and so is their end.

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "spool/stand.h"

namespace mig_runner::spool {
namespace {

namespace fs = std::filesystem;

// Runs `work` in a process of its own in which the user may have only so many watches.
void with_watches(int count, const std::function<void(const std::function<void(int)>& set)>& work) {
  const auto child = fork();
  if (child == 0) {
    const auto set = [](int most) { test::write_text("/proc/sys/user/max_inotify_watches", std::to_string(most)); };
    if (unshare(CLONE_NEWUSER) != 0) _exit(77);
    set(count);
    if (test::read_text("/proc/sys/user/max_inotify_watches") != std::to_string(count) + "\n") _exit(77);
    work(set);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "no user namespace here";
  EXPECT_EQ(status, 0);
}

TEST_F(SpoolTest, WithoutWatchesScansFindTheChanges) {
  for (const char* name : {"a", "b", "c", "d"}) write_job(name);
  // The jobs' directory and its parent, and two jobs.
  with_watches(4, [&](const auto& set) {
    const auto changes = spool.scan();
    EXPECT_EQ(said(changes), "added a, added b, added c, added d, unwatched runners/");
    EXPECT_EQ(changes.back().problems.at(0).file, "fs.inotify.max_user_watches");
    EXPECT_EQ(said(spool.scan()), "") << "told once";
    write_job("d", "0 9 * * *");
    EXPECT_EQ(said(spool.read_events()), "");
    EXPECT_EQ(said(spool.scan()), "changed d");
    write_job("a", "0 9 * * *");
    EXPECT_EQ(said(spool.read_events()), "changed a") << "this one is watched";
    set(100);
    EXPECT_EQ(said(spool.scan()), "watched runners/");
    write_job("d", "0 10 * * *");
    EXPECT_EQ(said(spool.read_events()), "changed d");
    set(7);
    write_job("e");
    write_job("f");
    EXPECT_EQ(said(spool.scan()), "added e, added f, unwatched runners/");
    fs::remove_all(runners / "f");
    EXPECT_EQ(said(spool.scan()), "removed f, watched runners/");
  });
}

TEST_F(SpoolTest, WithoutAnyInotifyToo) {
  write_job("a");
  const auto child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWUSER) != 0) _exit(77);
    test::write_text("/proc/sys/user/max_inotify_instances", "0");
    if (test::read_text("/proc/sys/user/max_inotify_instances") != "0\n") _exit(77);
    const auto changes = spool.scan();
    EXPECT_EQ(said(changes), "added a, unwatched runners/");
    EXPECT_EQ(changes.back().problems.at(0).file, "fs.inotify.max_user_instances, or the limit of open files");
    EXPECT_EQ(spool.event_fd(), -1);
    write_job("a", "0 9 * * *");
    EXPECT_EQ(said(spool.scan()), "changed a");
    test::write_text("/proc/sys/user/max_inotify_instances", "10");
    EXPECT_EQ(said(spool.scan()), "watched runners/");
    EXPECT_GE(spool.event_fd(), 0);
    write_job("a", "0 10 * * *");
    EXPECT_EQ(said(spool.read_events()), "changed a");
    _exit(HasFailure() ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "no user namespace here";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace mig_runner::spool

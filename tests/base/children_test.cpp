#include "base/children.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace mig_runner {
namespace {

int start_exiting(pid_t& process, int status) {
  return start_child(process, [&](pid_t& child) {
    child = fork();
    if (child == 0) _exit(status);
    return 0;
  });
}

void await_end(pid_t process) {
  siginfo_t ended{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(process), &ended, WEXITED | WNOWAIT), 0);
}

bool is_there(pid_t process) {
  return kill(process, 0) == 0;
}

TEST(Children, TellHowTheyEnded) {
  pid_t process = 0;
  ASSERT_EQ(start_exiting(process, 3), 0);
  const auto status = reap_child(process);
  ASSERT_TRUE(status && WIFEXITED(*status));
  EXPECT_EQ(WEXITSTATUS(*status), 3);
}

TEST(Children, AreLeftToTheirOwner) {
  pid_t process = 0;
  ASSERT_EQ(start_exiting(process, 3), 0);
  await_end(process);
  reap_orphans();
  EXPECT_TRUE(reap_child(process));
}

// Its number is known only once it has been started: another thread may reap orphans before that.
TEST(Children, AreLeftToTheirOwnerWhileTheyStart) {
  pid_t process = 0;
  start_child(process, [&](pid_t& child) {
    child = fork();
    if (child == 0) _exit(3);
    await_end(child);
    reap_orphans();
    return 0;
  });
  const auto status = reap_child(process);
  ASSERT_TRUE(status && WIFEXITED(*status));
  EXPECT_EQ(WEXITSTATUS(*status), 3);
}

TEST(Children, OfNobodyAreReaped) {
  pid_t process = 0;
  ASSERT_EQ(start_exiting(process, 0), 0);
  await_end(process);
  disown_child(process);
  reap_orphans();
  EXPECT_FALSE(is_there(process));
}

// As the processes that a plugin leaves behind, where this process is process 1 or a subreaper.
TEST(Children, OfAChildAreInheritedAndReaped) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  pid_t process = 0;
  start_child(process, [&](pid_t& child) {
    child = fork();
    if (child != 0) return 0;
    const pid_t grandchild = fork();
    if (grandchild == 0) _exit(0);
    static_cast<void>(!write(ends[1], &grandchild, sizeof grandchild));
    _exit(0);
  });
  ASSERT_TRUE(reap_child(process));
  pid_t grandchild = 0;
  ASSERT_EQ(read(ends[0], &grandchild, sizeof grandchild), static_cast<ssize_t>(sizeof grandchild));
  await_end(grandchild);
  reap_orphans();
  EXPECT_FALSE(is_there(grandchild));
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace mig_runner

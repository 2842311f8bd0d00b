#include "store/tree_lock.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "run_maker.h"
#include "support/scratch_directory.h"

namespace mig_runner::store {
namespace {

const Timestamp kMorning = at("2026-11-23T08:00:00Z");
const Timestamp kNoon = at("2026-11-23T12:00:00Z");

TEST(TreeLock, TheSecondIsToldWhoHasIt) {
  const test::ScratchDirectory directory;
  const auto state = directory.path() / "state";
  const auto held = TreeLock::acquire(state, kMorning);
  ASSERT_TRUE(held.has_value());
  const auto refused = TreeLock::acquire(state, kNoon);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().retry, Retry::no);
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  EXPECT_THAT(refused.error().what, testing::HasSubstr("process " + std::to_string(getpid()) + " on " + host +
                                                       " since 2026-11-23T08:00:00Z"));
}

TEST(TreeLock, AnybodyCanAskWhoHasIt) {
  const test::ScratchDirectory directory;
  EXPECT_EQ(TreeLock::holder(directory.path()), std::nullopt);
  {
    const auto held = TreeLock::acquire(directory.path(), kMorning);
    ASSERT_TRUE(held.has_value());
    EXPECT_THAT(TreeLock::holder(directory.path()).value_or(""), testing::EndsWith(" since 2026-11-23T08:00:00Z"));
    EXPECT_FALSE(TreeLock::acquire(directory.path(), kNoon).has_value()) << "asking does not free it";
  }
  EXPECT_EQ(TreeLock::holder(directory.path()), std::nullopt);
}

TEST(TreeLock, IsFreeAgainWhenItsHolderEnds) {
  const test::ScratchDirectory directory;
  { ASSERT_TRUE(TreeLock::acquire(directory.path(), kMorning).has_value()); }
  const auto again = TreeLock::acquire(directory.path(), kNoon);
  ASSERT_TRUE(again.has_value());
  EXPECT_THAT(test::read_text(directory.path() / "lock"), testing::EndsWith(" since 2026-11-23T12:00:00Z\n"));
}

TEST(TreeLock, IsFreeAgainWhenItsHolderIsKilled) {
  const test::ScratchDirectory directory;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const auto child = fork();
  if (child == 0) {
    const auto held = TreeLock::acquire(directory.path(), kMorning);
    [[maybe_unused]] const auto told = write(ready[1], held ? "y" : "n", 1);
    while (true) pause();
  }
  char answer = 0;
  EXPECT_EQ(read(ready[0], &answer, 1), 1);
  const auto refused = TreeLock::acquire(directory.path(), kNoon);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(answer, 'y');
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().what, testing::HasSubstr("process " + std::to_string(child) + " on "));
  EXPECT_TRUE(TreeLock::acquire(directory.path(), kNoon).has_value());
  close(ready[0]);
  close(ready[1]);
}

TEST(TreeLock, MakesWhatIsMissingForItselfAlone) {
  const test::ScratchDirectory directory;
  const auto state = directory.path() / "deep" / "state";
  const auto held = TreeLock::acquire(state, kMorning);
  ASSERT_TRUE(held.has_value());
  const auto mode = [](const std::filesystem::path& path) {
    struct stat status {};
    stat(path.c_str(), &status);
    return status.st_mode & 07777U;
  };
  EXPECT_EQ(mode(directory.path() / "deep"), 0700U);
  EXPECT_EQ(mode(state), 0700U);
  EXPECT_EQ(mode(state / "lock"), 0600U);
}

TEST(TreeLock, SaysNothingThatOthersWroteBetweenTheLines) {
  const test::ScratchDirectory directory;
  const auto held = TreeLock::acquire(directory.path(), kMorning);
  test::write_text(directory.path() / "lock", "me\x1b[2J\nand more\n");
  EXPECT_THAT(TreeLock::acquire(directory.path(), kNoon).error().what, testing::EndsWith(": me[2J"));
  test::write_text(directory.path() / "lock", "");
  EXPECT_THAT(TreeLock::acquire(directory.path(), kNoon).error().what, testing::EndsWith(": another process"));
  test::write_text(directory.path() / "lock", std::string(100'000, 'x'));
  EXPECT_LT(TreeLock::acquire(directory.path(), kNoon).error().what.size(), 1000U);
}

TEST(TreeLock, SaysWhyItCannotBeTaken) {
  const test::ScratchDirectory directory;
  test::write_text(directory.path() / "file", "");
  const auto failed = TreeLock::acquire(directory.path() / "file" / "state", kMorning);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().retry, Retry::later);
}

}  // namespace
}  // namespace mig_runner::store

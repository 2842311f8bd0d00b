#include "store/tree_lock.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "run_maker.h"
#include "support/scratch_directory.h"

namespace mig_runner::store {
namespace {

namespace fs = std::filesystem;

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
  EXPECT_EQ(TreeLock::holder(directory.path() / "state").value(), std::nullopt);
  {
    const auto held = TreeLock::acquire(directory.path() / "state", kMorning);
    ASSERT_TRUE(held.has_value());
    EXPECT_THAT(TreeLock::holder(directory.path() / "state").value().value_or(""),
                testing::EndsWith(" since 2026-11-23T08:00:00Z"));
    EXPECT_FALSE(TreeLock::acquire(directory.path() / "state", kNoon).has_value()) << "asking does not free it";
  }
  EXPECT_EQ(TreeLock::holder(directory.path() / "state").value(), std::nullopt);
}

TEST(TreeLock, ThatItCannotBeToldIsNotNobody) {
  const test::ScratchDirectory directory;
  fs::create_directory(directory.path() / "state");
  fs::create_symlink(directory.path() / "elsewhere", directory.path() / "state/lock");
  const auto holder = TreeLock::holder(directory.path() / "state");
  ASSERT_FALSE(holder.has_value());
  EXPECT_THAT(holder.error().text(), testing::HasSubstr("it cannot be told whether a runner is at work"));
}

TEST(TreeLock, IsFreeAgainWhenItsHolderEnds) {
  const test::ScratchDirectory directory;
  { ASSERT_TRUE(TreeLock::acquire(directory.path() / "state", kMorning).has_value()); }
  const auto again = TreeLock::acquire(directory.path() / "state", kNoon);
  ASSERT_TRUE(again.has_value());
  EXPECT_THAT(test::read_text(directory.path() / "state/lock"), testing::EndsWith(" since 2026-11-23T12:00:00Z\n"));
}

TEST(TreeLock, IsFreeAgainWhenItsHolderIsKilled) {
  const test::ScratchDirectory directory;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const auto child = fork();
  if (child == 0) {
    const auto held = TreeLock::acquire(directory.path() / "state", kMorning);
    [[maybe_unused]] const auto told = write(ready[1], held ? "y" : "n", 1);
    while (true) pause();
  }
  char answer = 0;
  EXPECT_EQ(read(ready[0], &answer, 1), 1);
  const auto refused = TreeLock::acquire(directory.path() / "state", kNoon);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(answer, 'y');
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().what, testing::HasSubstr("process " + std::to_string(child) + " on "));
  EXPECT_TRUE(TreeLock::acquire(directory.path() / "state", kNoon).has_value());
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
  const auto held = TreeLock::acquire(directory.path() / "state", kMorning);
  test::write_text(directory.path() / "state/lock", "me\x1b[2J\nand more\n");
  EXPECT_THAT(TreeLock::acquire(directory.path() / "state", kNoon).error().what, testing::EndsWith(": me[2J"));
  test::write_text(directory.path() / "state/lock", "");
  EXPECT_THAT(TreeLock::acquire(directory.path() / "state", kNoon).error().what,
              testing::EndsWith(": another process"));
  test::write_text(directory.path() / "state/lock", std::string(100'000, 'x'));
  EXPECT_LT(TreeLock::acquire(directory.path() / "state", kNoon).error().what.size(), 1000U);
}

TEST(TreeLock, SaysWhyItCannotBeTaken) {
  const test::ScratchDirectory directory;
  test::write_text(directory.path() / "file", "");
  const auto failed = TreeLock::acquire(directory.path() / "file" / "state", kMorning);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().retry, Retry::later);
}

TEST(TreeLock, HoldsAlsoWhereTheStateWasReplaced) {
  const test::ScratchDirectory directory;
  const auto state = directory.path() / "state";
  const auto held = TreeLock::acquire(state, kMorning);
  ASSERT_TRUE(held && held->check());
  fs::rename(state, directory.path() / "state.old");
  const auto refused = TreeLock::acquire(state, kNoon);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().retry, Retry::no);
  EXPECT_THAT(refused.error().what, testing::EndsWith("another runner works on this tree: another process"));
  EXPECT_FALSE(fs::exists(state)) << "nothing is made in its place";
}

TEST(TreeLock, KnowsWhetherOthersFindWhatIsLocked) {
  const test::ScratchDirectory directory;
  const auto state = directory.path() / "state";
  const auto held = TreeLock::acquire(state, kMorning);
  ASSERT_TRUE(held.has_value());
  const auto problem = [&] {
    const auto found = held->check();
    return found ? "" : found.error().text();
  };
  EXPECT_EQ(problem(), "");
  fs::rename(state, directory.path() / "state.old");
  EXPECT_EQ(problem(), state.string() + ": it was renamed or removed while the runner uses it");
  fs::create_directory(state);
  EXPECT_EQ(problem(), state.string() + ": it was replaced while the runner uses it");
  fs::remove(state);
  fs::rename(directory.path() / "state.old", state);
  EXPECT_EQ(problem(), "") << "it is back";
  test::write_text(state / "new", "");
  fs::rename(state / "new", state / "lock");
  EXPECT_EQ(problem(), (state / "lock").string() + ": it was replaced while the runner uses it");
}

// File systems give the number of a removed directory to the next one.
TEST(TreeLock, TellsANewDirectoryFromARemovedOne) {
  const test::ScratchDirectory directory;
  const auto state = directory.path() / "state";
  const auto held = TreeLock::acquire(state, kMorning);
  ASSERT_TRUE(held.has_value());
  for (int i = 0; i < 20; ++i) {
    fs::remove_all(state);
    fs::create_directory(state);
    ASSERT_FALSE(held->check().has_value());
    EXPECT_EQ(held->check().error().text(), state.string() + ": it was replaced while the runner uses it");
  }
}

TEST(TreeLock, DoesWithoutADirectoryThatCannotBeRead) {
  if (getuid() == 0) GTEST_SKIP() << "root reads all";
  const test::ScratchDirectory directory;
  fs::create_directories(directory.path() / "tree/state");
  fs::permissions(directory.path() / "tree", fs::perms::owner_exec);
  EXPECT_TRUE(TreeLock::acquire(directory.path() / "tree/state", kMorning).has_value());
  fs::permissions(directory.path() / "tree", fs::perms::owner_all);
}

}  // namespace
}  // namespace mig_runner::store

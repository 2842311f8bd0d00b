#include "base/file_status.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

#include "support/no_descriptors.h"
#include "support/scratch_directory.h"

namespace mig_runner {
namespace {

namespace fs = std::filesystem;

TEST(FileStatus, OnlyTwoErrorsMeanAbsent) {
  EXPECT_TRUE(means_absent(ENOENT));
  EXPECT_TRUE(means_absent(ENOTDIR));
  for (const int other : {EACCES, EMFILE, ENFILE, EIO, ESTALE, ENOMEM, ELOOP, ENAMETOOLONG, EPERM, EINTR})
    EXPECT_FALSE(means_absent(other)) << other;
}

TEST(FileStatus, TellsAbsenceFromFailure) {
  const test::ScratchDirectory directory;
  test::write_text(directory.path() / "file", "x");
  EXPECT_FALSE(file_status(directory.path() / "none", Symlinks::followed).value());
  EXPECT_FALSE(file_status(directory.path() / "file" / "none", Symlinks::followed).value());
  fs::create_symlink("loop", directory.path() / "loop");
  const auto failed = file_status(directory.path() / "loop", Symlinks::followed);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().retry, Retry::later);
  EXPECT_TRUE(S_ISLNK(file_status(directory.path() / "loop", Symlinks::refused).value()->st_mode));
}

TEST(FileStatus, NamesAreThereAbsentOrUnknown) {
  const test::ScratchDirectory directory;
  test::write_text(directory.path() / "b", "x");
  test::write_text(directory.path() / "a", "x");
  EXPECT_EQ(names_in(directory.path()).value().value(), (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(names_in(directory.path() / "none").value());
  const test::NoDescriptors none;
  const auto failed = names_in(directory.path());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().retry, Retry::later);
}

TEST(OpenRegular, RefusesEverythingElseWithoutWaiting) {
  const test::ScratchDirectory directory;
  const auto pipe = directory.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  test::write_text(directory.path() / "file", "x");
  EXPECT_TRUE(open_regular(directory.path() / "file").value());
  EXPECT_FALSE(open_regular(directory.path() / "none").value());
  for (const auto& other : {pipe, directory.path()}) {
    const auto opened = open_regular(other);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().what, "it is not a regular file");
    EXPECT_EQ(opened.error().retry, Retry::no);
  }
  const test::NoDescriptors none;
  ASSERT_FALSE(open_regular(directory.path() / "file"));
  EXPECT_EQ(open_regular(directory.path() / "file").error().retry, Retry::later);
}

TEST(OpenRegular, BelowARootFollowsNoSymlink) {
  const test::ScratchDirectory directory;
  const auto root = directory.path() / "root";
  test::write_text(root / "day" / "file", "x");
  test::write_text(directory.path() / "outside" / "file", "x");
  fs::create_directory_symlink(directory.path() / "outside", root / "link");
  fs::create_symlink(directory.path() / "outside" / "file", root / "day" / "link");
  EXPECT_TRUE(open_regular_below(root, "day/file").value());
  EXPECT_FALSE(open_regular_below(root, "day/none").value());
  EXPECT_FALSE(open_regular_below(root, "none/file").value());
  EXPECT_FALSE(open_regular_below(root, "day/file/deeper").value());
  for (const auto* elsewhere :
       {"link/file", "day/link", "../outside/file", "day/../../outside/file", "/etc/passwd", ""}) {
    const auto opened = open_regular_below(root, elsewhere);
    ASSERT_FALSE(opened) << elsewhere;
    EXPECT_EQ(opened.error().retry, Retry::no) << elsewhere;
  }
  EXPECT_EQ(open_regular_below(root, "link/file").error().text(),
            (root / "link").string() + ": it is a symlink, which is not followed here");
}

// The root itself may be one: an operator's, like a tree on another disk.
TEST(OpenRegular, TheRootMayBeASymlink) {
  const test::ScratchDirectory directory;
  test::write_text(directory.path() / "disk" / "file", "x");
  fs::create_directory_symlink(directory.path() / "disk", directory.path() / "tree");
  EXPECT_TRUE(open_regular_below(directory.path() / "tree", "file").value());
}

}  // namespace
}  // namespace mig_runner

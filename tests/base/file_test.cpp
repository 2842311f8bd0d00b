#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "support/scratch_directory.h"

namespace mig_runner {
namespace {

namespace fs = std::filesystem;

int files_in(const fs::path& directory) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(directory)) count += entry.is_regular_file() ? 1 : 0;
  return count;
}

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  stat(path.c_str(), &status);
  return status.st_mode & 07777U;
}

TEST(DurableFile, AppearsWholeAtCommit) {
  const test::ScratchDirectory directory;
  const auto path = directory.path() / "a" / "b" / "result.json";
  auto file = DurableFile::create(path).value();
  EXPECT_TRUE(file.write("first, "));
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(file.write("second"));
  EXPECT_TRUE(file.commit());
  EXPECT_EQ(test::read_text(path), "first, second");
  EXPECT_EQ(files_in(path.parent_path()), 1);
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(mode_of(path.parent_path()), 0700U);
}

TEST(DurableFile, WithoutCommitTheOldOneStays) {
  const test::ScratchDirectory directory;
  const auto path = directory.path() / "result.json";
  test::write_text(path, "old");
  {
    auto file = DurableFile::create(path).value();
    EXPECT_TRUE(file.write(std::string(1'000'000, 'x')));
    auto moved = std::move(file);
  }
  EXPECT_EQ(test::read_text(path), "old");
  EXPECT_EQ(files_in(directory.path()), 1);
}

// In a child, since a limit on the size of files holds for the whole process.
TEST(DurableFile, AFullDiskIsAnErrorAndLeavesNothing) {
  const test::ScratchDirectory directory;
  const auto child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100'000, 100'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    bool failed = false;
    {
      auto file = DurableFile::create(directory.path() / "result.json").value();
      for (int i = 0; i < 20 && !failed; ++i) failed = !file.write(std::string(50'000, 'x'));
      failed = failed && file.write("y").has_value();
    }
    _exit(failed && files_in(directory.path()) == 0 ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(DurableFile, AVanishedDirectoryIsAnError) {
  const test::ScratchDirectory directory;
  auto file = DurableFile::create(directory.path() / "day" / "result.json").value();
  EXPECT_TRUE(file.write("x"));
  fs::remove_all(directory.path() / "day");
  const auto committed = file.commit();
  ASSERT_FALSE(committed.has_value());
  EXPECT_EQ(committed.error().retry, Retry::later);
}

TEST(DurableFile, AFileInTheDirectorysPlaceIsAnError) {
  const test::ScratchDirectory directory;
  test::write_text(directory.path() / "day", "not a directory");
  EXPECT_FALSE(DurableFile::create(directory.path() / "day" / "result.json").has_value());
}

TEST(DurableFile, WhatAKilledWriterLeftCanBeRemoved) {
  const test::ScratchDirectory directory;
  test::write_text(directory.path() / "7.json", "whole");
  test::write_text(directory.path() / ".8.json.tmp-Ab12Cd", "half");
  remove_temporary_files(directory.path());
  EXPECT_EQ(files_in(directory.path()), 1);
  EXPECT_TRUE(fs::exists(directory.path() / "7.json"));
}

TEST(ReadFile, ReadsWholeFilesUpToTheLimit) {
  const test::ScratchDirectory directory;
  const auto path = directory.path() / "file";
  test::write_text(path, std::string("a\0b", 3));
  EXPECT_EQ(read_file(path, 3).value(), std::string("a\0b", 3));
  EXPECT_FALSE(read_file(path, 2).has_value());
  EXPECT_FALSE(read_file(directory.path(), 100).has_value());
  EXPECT_FALSE(read_file(directory.path() / "none", 100).has_value());
  mkfifo((directory.path() / "fifo").c_str(), 0600);
  EXPECT_FALSE(read_file(directory.path() / "fifo", 100).has_value());
}

}  // namespace
}  // namespace mig_runner

#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "sqlite_support.h"

namespace mig_runner::store {
namespace {

// Runs `work` in a process of its own; returns its exit code, -1 where a signal ended it.
template <class Work>
int in_child(Work work) {
  const auto child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

store::Run numbered(int number) {
  auto run = full_run();
  run.job = "job-" + std::to_string(number % 7);
  run.nominal = kNow + std::chrono::seconds(number);
  run.state = RunState::due;
  run.wake = kNow;
  return run;
}

// Plans, claims and records for ever, and says so on `done` after each.
[[noreturn]] void work_until_killed(const std::filesystem::path& path, int first, int done) {
  constexpr std::array kDue{RunState::due};
  const auto store = std::move(RunStore::open(path, "runner", kNow)->store);
  for (int number = first;; ++number) {
    const auto run = numbered(number);
    const Cursor cursor{run.job, run.nominal, ""};
    if (!store->plan({&cursor, 1}, {&run, 1}, run.nominal)) _exit(1);
    for (auto taken : std::vector(store->claim(kDue, kNow, 10).value())) {
      taken.state = RunState::posted;
      const Change change{RunState::due, taken, {std::string(5000, 'd'), std::string(20'000, 'a')}};
      if (!store->record({&change, 1})) _exit(1);
    }
    if (write(done, "x", 1) != 1) _exit(1);
  }
}

TEST(SqliteCrash, WhatWasReturnedSurvivesAKill) {
  SqliteDatabase database;
  int known = 0;
  for (int round = 0; round < 15; ++round) {
    int done[2];
    ASSERT_EQ(pipe(done), 0);
    const auto child = fork();
    if (child == 0) work_until_killed(database.path, known, done[1]);
    close(done[1]);
    char byte = 0;
    const int least = known + 5 + round * 3;
    while (known < least && read(done[0], &byte, 1) == 1) ++known;
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    while (read(done[0], &byte, 1) == 1) ++known;
    close(done[0]);
    ASSERT_GE(known, least);

    const auto store = database.open();
    ASSERT_EQ(database.set_aside_files(), 0);
    const auto history = store->history("", 100'000);
    ASSERT_TRUE(history.has_value());
    const auto& runs = *history;
    EXPECT_GE(static_cast<int>(runs.size()), known);
    EXPECT_LE(static_cast<int>(runs.size()), known + 1) << "only the call under way may be there unreturned";
    const auto counts = store->counts();
    ASSERT_TRUE(counts.has_value());
    std::map<RunState, std::int64_t> counted;
    for (const auto& run : runs) {
      ++counted[run.state];
      EXPECT_EQ(store->signatures(run).value().size(), run.state == RunState::posted ? 1U : 0U);
    }
    EXPECT_EQ(*counts, counted);
    EXPECT_GE(counted[RunState::posted], known);
    known = static_cast<int>(runs.size());
  }
}

// What a full disk must leave: an Error that invites another try, nothing of the call, and a store that goes on.
int fill_the_disk(const std::filesystem::path& path, const std::function<void()>& make_room) {
  auto opened = RunStore::open(path, "runner", kNow);
  if (!opened) return 10;
  auto& store = *opened->store;
  const std::string large(20'000, 'a');
  int kept = 0;
  for (; kept < 10'000; ++kept) {
    const auto adopted = store.adopt(numbered(kept), large);
    if (adopted) continue;
    if (adopted.error().retry != Retry::later) return 11;
    break;
  }
  if (kept == 0 || kept == 10'000) return 12;
  if (store.history("", 100'000).value_or(std::vector<store::Run>()).size() != static_cast<std::size_t>(kept))
    return 13;
  if (store.adopt(numbered(kept), large)) return 14;
  make_room();
  if (!store.adopt(numbered(kept), large)) return 15;
  if (store.counts().value()[RunState::due] != kept + 1) return 16;
  opened->store.reset();
  opened = RunStore::open(path, "runner", kNow);
  if (!opened || !opened->set_aside.empty()) return 17;
  return opened->store->history("", 100'000)->size() == static_cast<std::size_t>(kept) + 1 ? 0 : 18;
}

TEST(SqliteCrash, AFileThatMayNotGrowIsAnError) {
  SqliteDatabase database;
  EXPECT_EQ(in_child([&] {
              std::signal(SIGXFSZ, SIG_IGN);
              const rlimit tight{1'500'000, RLIM_INFINITY};
              setrlimit(RLIMIT_FSIZE, &tight);
              return fill_the_disk(database.path, [] {
                const rlimit ample{RLIM_INFINITY, RLIM_INFINITY};
                setrlimit(RLIMIT_FSIZE, &ample);
              });
            }),
            0);
}

TEST(SqliteCrash, AFullDiskIsAnError) {
  constexpr int kNotAllowed = 77;
  const test::ScratchDirectory directory;
  const auto code = in_child([&] {
    // In a namespace of its own: the mount is gone with the child.
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=3m") != 0)
      return kNotAllowed;
    return fill_the_disk(directory.path() / "runs.db",
                         [&] { mount("tmpfs", directory.path().c_str(), "tmpfs", MS_REMOUNT, "size=30m"); });
  });
  if (code == kNotAllowed) GTEST_SKIP() << "file systems may not be mounted here";
  EXPECT_EQ(code, 0);
}

TEST(SqliteCrash, AReadOnlyTreeIsAnErrorAndNoDamage) {
  constexpr int kNotAllowed = 77;
  SqliteDatabase database;
  database.fill(3);
  const auto code = in_child([&] {
    const auto* const tree = database.directory.path().c_str();
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount(tree, tree, nullptr, MS_BIND, nullptr) != 0 ||
        mount(tree, tree, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0)
      return kNotAllowed;
    const auto opened = RunStore::open(database.path, "runner", kNow);
    if (opened) return 10;
    return opened.error().retry == Retry::later ? 0 : 11;
  });
  if (code == kNotAllowed) GTEST_SKIP() << "file systems may not be mounted here";
  EXPECT_EQ(code, 0);
  EXPECT_EQ(database.open()->history("", 10).value().size(), 4U);
}

TEST(SqliteCrash, AFileInTheDirectorysPlaceIsAnError) {
  const test::ScratchDirectory directory;
  test::write_text(directory.path() / "state", "");
  const auto opened = RunStore::open(directory.path() / "state" / "runs.db", "runner", kNow);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().retry, Retry::later);
  std::filesystem::create_directories(directory.path() / "runs.db");
  const auto directory_instead = RunStore::open(directory.path() / "runs.db", "runner", kNow);
  ASSERT_FALSE(directory_instead.has_value());
  EXPECT_EQ(directory_instead.error().retry, Retry::later);
}

}  // namespace
}  // namespace mig_runner::store

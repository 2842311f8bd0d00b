// The machine loses its power: of each file stays what was flushed, of each directory, at worst, the names it had when
// it was flushed, at best, all of them. This program's own fsync and its like note what that is.

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>

#include "faults/flushes.h"
#include "results/result_writer.h"
#include "store/run_store.h"
#include "support/scratch_directory.h"

namespace mig_runner::test {
namespace {

namespace fs = std::filesystem;

class Disk {
 public:
  void flushed(int fd) {
    const std::lock_guard lock(mutex_);
    const fs::path path = "/proc/self/fd/" + std::to_string(fd);
    struct stat status {};
    if (fstat(fd, &status) != 0) return;
    if (S_ISDIR(status.st_mode)) {
      names_[fs::read_symlink(path)] = names_in(path);
    } else {
      bytes_[status.st_ino] = read_text(path);
    }
    ++flushes_;
  }
  // Makes `to` what is left of the directory `from`.
  void lose_power(const fs::path& from, const fs::path& to, bool new_names_stay) {
    const std::lock_guard lock(mutex_);
    fs::create_directories(to);
    for (const auto& [name, file] : new_names_stay ? names_in(from) : names_[fs::canonical(from)])
      if (!fs::is_directory(from / name)) write_text(to / name, bytes_[file]);
  }
  bool keeps_name(const fs::path& path) {
    const std::lock_guard lock(mutex_);
    return names_[fs::canonical(path.parent_path())].contains(path.filename());
  }
  int flushes() const { return flushes_; }

 private:
  using Names = std::map<std::string, ino_t>;
  static Names names_in(const fs::path& directory) {
    Names names;
    for (const auto& entry : fs::directory_iterator(directory)) {
      struct stat status {};
      if (stat(entry.path().c_str(), &status) == 0) names[entry.path().filename()] = status.st_ino;
    }
    return names;
  }

  std::mutex mutex_;
  std::map<ino_t, std::string> bytes_;
  std::map<fs::path, Names> names_;
  int flushes_ = 0;
};

Disk& disk() {
  static Disk all;
  return all;
}
std::function<void()> after_rename;

// What of the result is left, either way.
struct Left {
  explicit Left(const fs::path& path) {
    for (const bool new_names_stay : {false, true}) {
      const ScratchDirectory left;
      disk().lose_power(path.parent_path(), left.path(), new_names_stay);
      there += fs::exists(left.path() / path.filename()) ? 1 : 0;
      whole += results::check_result_file({left.path(), path.filename()}).value_or(false) ? 1 : 0;
    }
  }
  int there = 0, whole = 0;
};

// Fault 2 of the original: killed while it wrote, it left empty result files.
TEST(LostWrites, Fault2AResultFileIsThereWholeOrNotAtAll) {
  const FlushesAre noted(Flushes::noted);
  const ScratchDirectory directory;
  const auto path = directory.path() / "results" / "20261123" / "7.json";
  auto writer = results::ResultWriter::create({directory.path(), "results/20261123/7.json"}, R"({"id":7})").value();
  for (int id = 0; id < 20'000; ++id)
    ASSERT_TRUE(writer.add({id, "success", R"({"id":)" + std::to_string(id) + R"(,"status":"success"})"}));
  EXPECT_EQ(Left(path).there, 0);
  int renames = 0;
  after_rename = [&] {
    ++renames;
    const Left left(path);
    EXPECT_EQ(left.whole, left.there);
  };
  ASSERT_TRUE(writer.finish("disk", "save"));
  after_rename = nullptr;
  EXPECT_EQ(renames, 1);
  EXPECT_EQ(Left(path).whole, 2) << "once it is said to be there, it stays";
  for (auto above = path.parent_path(); above != directory.path(); above = above.parent_path())
    EXPECT_TRUE(disk().keeps_name(above)) << above;
}

store::Run numbered(int number) {
  store::Run run;
  run.job = "disk";
  run.nominal = parse_rfc3339("2026-11-23T12:00:00Z").value() + std::chrono::seconds(number);
  run.state = store::RunState::due;
  run.wake = run.nominal;
  return run;
}

// Opens what is left of the store, either way; the runs in it must be `expected`.
void expect_left(const fs::path& directory, const std::vector<store::RunState>& expected) {
  for (const bool new_names_stay : {false, true}) {
    const ScratchDirectory left;
    disk().lose_power(directory, left.path(), new_names_stay);
    const auto opened = store::RunStore::open(left.path() / "runs.db", "after", numbered(0).nominal);
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_EQ(opened->set_aside, "");
    std::vector<store::RunState> states;
    auto runs = opened->store->history("disk", 10'000).value();
    for (auto run = runs.rbegin(); run != runs.rend(); ++run) states.push_back(run->state);
    ASSERT_EQ(states, expected) << new_names_stay;
    for (const auto& run : runs) {
      if (run.state == store::RunState::signed_) {
        EXPECT_EQ(opened->store->signatures(run).value().size(), 1U);
      }
    }
  }
}

TEST(LostWrites, WhatTheStoreHasSaidStays) {
  const FlushesAre noted(Flushes::noted);
  using store::RunState;
  const ScratchDirectory directory;
  const auto state = directory.path() / "state";
  const auto now = numbered(0).nominal;
  const auto store = std::move(store::RunStore::open(state / "runs.db", "runner", now)->store);
  std::vector<RunState> states;
  expect_left(state, states);
  constexpr std::array kDue{RunState::due};
  const std::string document(20'000, 'd');  // the log is written back into the database several times
  for (int number = 0; number < 300; ++number) {
    const auto run = numbered(number);
    const store::Cursor cursor{run.job, run.nominal, ""};
    ASSERT_TRUE(store->plan({&cursor, 1}, {&run, 1}, run.nominal));
    states.push_back(RunState::due);
    const bool look = number < 3 || number % 75 == 74;
    if (look) expect_left(state, states);
    if (HasFatalFailure()) return;
    auto taken = store->claim(kDue, run.nominal, 1).value().at(0);
    taken.state = RunState::signed_;
    const store::Change change{RunState::due, taken, {document, std::nullopt}};
    ASSERT_TRUE(store->record({&change, 1}));
    states.back() = RunState::signed_;
    if (look) expect_left(state, states);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(disk().flushes(), 300) << "the database's flushes must be seen here";
}

}  // namespace
}  // namespace mig_runner::test

namespace {

int flush(int (*real)(int), int fd) {
  using namespace mig_runner::test;
  if (flushes == Flushes::skipped) return 0;
  const int result = real(fd);
  if (flushes == Flushes::noted) disk().flushed(fd);
  return result;
}

}  // namespace

// They take the place of the C library's in the whole program, SQLite included.
extern "C" int fsync(int fd) {
  static const auto real = reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, "fsync"));
  return flush(real, fd);
}

extern "C" int fdatasync(int fd) {
  static const auto real = reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, "fdatasync"));
  return flush(real, fd);
}

extern "C" int renameat(int from_directory, const char* from, int to_directory, const char* to) noexcept {
  static const auto real = reinterpret_cast<int (*)(int, const char*, int, const char*)>(dlsym(RTLD_NEXT, "renameat"));
  const int result = real(from_directory, from, to_directory, to);
  if (mig_runner::test::after_rename) mig_runner::test::after_rename();
  return result;
}

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <random>

#include "sqlite_support.h"

namespace mig_runner::store {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Hundreds of databases, each flushed many times: in memory where there is such a file system, since no disk is lost
// here.
class SqliteDamage : public testing::Test {
 protected:
  void SetUp() override {
    if (access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 1);
  }
  void TearDown() override { before_ ? setenv("TMPDIR", before_->c_str(), 1) : unsetenv("TMPDIR"); }

 private:
  std::optional<std::string> before_ = [] {
    const char* const set = getenv("TMPDIR");
    return set == nullptr ? std::optional<std::string>() : set;
  }();
};

// Every function answers, whatever it answers; nothing crashes or hangs.
void try_everything(RunStore& store) {
  constexpr std::array kStates{RunState::due, RunState::signed_, RunState::posted, RunState::stored};
  auto run = full_run();
  run.nominal += std::chrono::hours(1'000'000);
  (void)store.add({&run, 1});
  (void)store.cursors();
  if (auto claimed = store.claim(kStates, kNow + std::chrono::hours(1'000'000), 5)) {
    for (const auto& taken : *claimed) {
      const Change change{taken.state, taken, {"signature", "action"}, true};
      (void)store.record({&change, 1});
      (void)store.signatures(taken);
      (void)store.action(taken);
    }
    (void)store.release(*claimed);
  }
  (void)store.next_wake(kStates);
  (void)store.bring_forward(kNow);
  (void)store.overlaps(Run{});
  (void)store.posted_since(kNow);
  (void)store.settled_results("job-1");
  (void)store.find("job-1", kNow);
  (void)store.find_action(1);
  (void)store.history("", 10'000);
  (void)store.history("job-1", 10'000);
  (void)store.counts();
}

// Opens what `damage` left: as it was, or set aside whole and begun anew.
void expect_works_or_set_aside(const std::string& left, const std::string& what, bool* was_set_aside = nullptr) {
  const test::ScratchDirectory directory;
  const auto path = directory.path() / "runs.db";
  test::write_text(path, left);
  auto opened = RunStore::open(path, "runner", kNow);
  ASSERT_TRUE(opened.has_value()) << what << ": " << opened.error().text();
  if (was_set_aside != nullptr) *was_set_aside = !opened->set_aside.empty();
  if (!opened->set_aside.empty()) {
    EXPECT_TRUE(test::read_text(opened->set_aside) == left) << what << ": what is set aside is not changed";
    EXPECT_NE(opened->damage, "") << what;
    auto run = full_run();
    EXPECT_THAT(opened->store->add({&run, 1}).value(), testing::ElementsAre(true)) << what;
  }
  try_everything(*opened->store);
}

TEST_F(SqliteDamage, WhatIsNoDatabaseIsSetAside) {
  for (const auto& left :
       {std::string(), std::string(1, 'x'), std::string(100, '\0'), std::string(100'000, 'x'),
        std::string("SQLite format 3\0", 16), std::string("SQLite format 3\0", 16) + std::string(5000, 'x')}) {
    bool set_aside = false;
    expect_works_or_set_aside(left, std::to_string(left.size()) + " bytes", &set_aside);
    EXPECT_TRUE(set_aside) << left.size();
  }
}

TEST_F(SqliteDamage, IsNamedAfterTheTimeAndNeverOverwritten) {
  const test::ScratchDirectory directory;
  const auto path = directory.path() / "runs.db";
  std::set<std::string> names;
  for (const std::size_t size : {1, 10'000, 1, 10'000}) {
    const std::string left(size, 'x');
    for (const std::string ending : {"", "-wal", "-shm", "-journal"})
      test::write_text(path.string() + ending, left + ending);
    const auto opened = RunStore::open(path, "runner", kNow);
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    EXPECT_THAT(opened->set_aside, testing::StartsWith(path.string() + ".damaged-20261123T120000Z"));
    EXPECT_THAT(opened->damage, HasSubstr(size == 1 ? "cut off" : "not a database"));
    EXPECT_TRUE(names.insert(opened->set_aside).second);
    // The index of a log is made anew by whoever opens the database, and a journal may be used up.
    for (const std::string ending : {"", "-wal"})
      EXPECT_TRUE(test::read_text(opened->set_aside + ending) == left + ending) << size << ending;
    EXPECT_FALSE(fs::exists(path.string() + "-journal")) << "it must not be applied to the new database";
  }
}

// The log may hold runs that the damaged file lacks.
TEST_F(SqliteDamage, ALogIsSetAsideAsItWas) {
  SqliteDatabase database;
  database.fill(300);
  std::string file;
  std::string log;
  {
    const auto store = database.open();
    auto run = full_run();
    run.nominal = kNow;
    ASSERT_TRUE(store->add({&run, 1}));
    file = test::read_text(database.path);
    log = test::read_text(database.path.string() + "-wal");
  }
  ASSERT_NE(log, "");
  file.replace(0, file.size(), file.size(), 'x');
  for (const auto& damaged : {file, "SQLite format 3" + file.substr(15)}) {
    test::write_text(database.path, damaged);
    test::write_text(database.path.string() + "-wal", log);
    const auto opened = RunStore::open(database.path, "runner", kNow);
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    EXPECT_TRUE(test::read_text(opened->set_aside) == damaged);
    EXPECT_TRUE(test::read_text(opened->set_aside + "-wal") == log);
  }
}

TEST_F(SqliteDamage, AnotherProgramsDatabaseIsSetAside) {
  SqliteDatabase database;
  execute(database.path, "CREATE TABLE other (x)");
  const auto opened = RunStore::open(database.path, "runner", kNow);
  ASSERT_TRUE(opened.has_value()) << opened.error().text();
  EXPECT_THAT(opened->damage, HasSubstr("something else than runs"));
  execute(opened->set_aside, "SELECT x FROM other");
}

TEST_F(SqliteDamage, MissingTablesAndColumnsAreDamage) {
  for (const auto* sql :
       {"DROP TABLE runs", "DROP TABLE tally", "ALTER TABLE runs RENAME COLUMN wake TO wakf",
        "ALTER TABLE jobs RENAME TO jobz", "DELETE FROM schema_version", "UPDATE schema_version SET version = 0"}) {
    SqliteDatabase database;
    database.fill(3);
    execute(database.path, sql);
    const auto opened = RunStore::open(database.path, "runner", kNow);
    ASSERT_TRUE(opened.has_value()) << sql << ": " << opened.error().text();
    EXPECT_NE(opened->set_aside, "") << sql;
  }
}

// At every byte takes minutes: `make soak` does so.
std::size_t step_of_cuts(std::size_t usual) {
  return std::getenv("MIG_EVERY_BYTE") == nullptr ? usual : 1;
}

TEST_F(SqliteDamage, CutAtAnyLength) {
  SqliteDatabase database;
  database.fill(100);
  const auto whole = test::read_text(database.path);
  ASSERT_GT(whole.size(), 30'000U);
  int set_aside = 0;
  const auto cut = [&](std::size_t size) {
    bool aside = false;
    expect_works_or_set_aside(whole.substr(0, size), "cut to " + std::to_string(size), &aside);
    set_aside += aside ? 1 : 0;
  };
  std::size_t cuts = 0;
  for (std::size_t size = 0; size < whole.size(); size += step_of_cuts(512), ++cuts) cut(size);
  EXPECT_EQ(set_aside, static_cast<int>(cuts)) << "a shorter file is never whole";
  for (std::size_t size = 1; size < whole.size(); size += 1777) cut(size);
  cut(whole.size() - 1);
}

TEST_F(SqliteDamage, FlippedAndZeroedPages) {
  SqliteDatabase database;
  database.fill(100);
  const auto whole = test::read_text(database.path);
  std::mt19937 random(1);
  for (std::size_t page = 0; page < whole.size(); page += 4096) {
    auto zeroed = whole;
    zeroed.replace(page, 4096, 4096, '\0');
    expect_works_or_set_aside(zeroed, "zeroed at " + std::to_string(page));
    auto garbage = whole;
    for (std::size_t i = 0; i < 4096; ++i) garbage[page + i] = static_cast<char>(random());
    expect_works_or_set_aside(garbage, "garbage at " + std::to_string(page));
  }
  for (int i = 0; i < 100; ++i) {
    auto flipped = whole;
    for (int bits = 0; bits < 1 + i % 8; ++bits)
      flipped[random() % whole.size()] ^= static_cast<char>(1U << random() % 8);
    expect_works_or_set_aside(flipped, "flipped, round " + std::to_string(i));
  }
}

TEST_F(SqliteDamage, ALogWithoutItsDatabaseIsSetAside) {
  SqliteDatabase database;
  std::string log;
  {
    const auto store = database.open();
    SqliteDatabase::fill(*store, 10);
    log = test::read_text(database.path.string() + "-wal");
  }
  for (const bool empty : {false, true}) {
    fs::remove(database.path);
    if (empty) test::write_text(database.path, "");
    test::write_text(database.path.string() + "-wal", log);
    const auto opened = RunStore::open(database.path, "runner", kNow);
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    EXPECT_TRUE(test::read_text(opened->set_aside + "-wal") == log);
    EXPECT_EQ(opened->store->history("", 10).value().size(), 0U);
  }
}

// What a crash leaves: a database and a log that holds what was done since. Without the log, or with any part of it,
// the database opens with what came before.
TEST_F(SqliteDamage, TheLogLostOrCutAtAnyLength) {
  SqliteDatabase database;
  std::string file;
  std::string log;
  {
    const auto store = database.open();
    SqliteDatabase::fill(*store, 10);
    file = test::read_text(database.path);
    log = test::read_text(database.path.string() + "-wal");
  }
  ASSERT_GT(log.size(), 40'000U);
  std::size_t most = 0;
  for (std::size_t size = 0; size <= log.size() + 700; size += step_of_cuts(700)) {
    const test::ScratchDirectory directory;
    const auto path = directory.path() / "runs.db";
    test::write_text(path, file);
    if (size > 0) test::write_text(path.string() + "-wal", log.substr(0, size));
    const auto opened = RunStore::open(path, "runner", kNow);
    ASSERT_TRUE(opened.has_value()) << size << ": " << opened.error().text();
    const auto found = opened->store->history("", 100).value().size();
    EXPECT_TRUE(found == 0 || found == 10 || found == 11) << found;
    EXPECT_GE(found, most);
    most = found;
    try_everything(*opened->store);
  }
  EXPECT_EQ(most, 11U);
}

TEST_F(SqliteDamage, FoundInTheMiddleOfWorkEndsAllWriting) {
  SqliteDatabase database;
  database.fill(300);
  auto store = database.open();
  // Another process's commit makes the store read the file again, which is overwritten meanwhile.
  execute(database.path, "UPDATE tally SET runs = runs; PRAGMA wal_checkpoint(TRUNCATE)");
  const auto whole = test::read_text(database.path);
  const auto overwrite = [&](const std::string& bytes) {
    std::fstream(database.path, std::ios::in | std::ios::out | std::ios::binary).seekp(4096) << bytes;
  };
  const std::string garbage(whole.size() - 4096, 'x');
  overwrite(garbage);
  const auto history = store->history("", 1000);
  ASSERT_FALSE(history.has_value());
  EXPECT_EQ(history.error().retry, Retry::later);
  EXPECT_THAT(history.error().text(), HasSubstr(database.path.string() + ": the database is damaged"));
  overwrite(whole.substr(4096));
  auto run = full_run();
  run.nominal = kNow;
  const auto planned = store->add({&run, 1});
  ASSERT_FALSE(planned.has_value()) << "what was damaged once is not to be trusted";
  EXPECT_THAT(planned.error().text(), HasSubstr("the database is damaged"));
  store.reset();
  EXPECT_EQ(database.open()->history("", 1000).value().size(), 301U) << "it was found whole after all";
  EXPECT_EQ(database.set_aside_files(), 0);
  overwrite(garbage);
  const auto opened = RunStore::open(database.path, "runner", kNow);
  ASSERT_TRUE(opened.has_value()) << opened.error().text();
  EXPECT_NE(opened->set_aside, "");
}

// Only a server looks after its own files.
TEST_F(SqliteDamage, EndsAllWritingWhateverTheNameOfTheTree) {
  const auto before = fs::current_path();
  const test::ScratchDirectory directory;
  fs::current_path(directory.path());
  const fs::path path = "postgres-runner/runs.db";
  {
    auto store = RunStore::open(path, "runner", kNow).value().store;
    auto run = full_run();
    ASSERT_TRUE(store->add({&run, 1}));
    execute(path, "UPDATE tally SET runs = runs; PRAGMA wal_checkpoint(TRUNCATE)");
    const std::string garbage(fs::file_size(path) - 4096, 'x');
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(4096) << garbage;
    const auto history = store->history("", 5);
    ASSERT_FALSE(history.has_value());
    EXPECT_THAT(history.error().text(), HasSubstr("the database is damaged"));
    run.nominal += std::chrono::hours(1);
    EXPECT_FALSE(store->add({&run, 1}).has_value()) << "what was damaged once is not to be trusted";
  }
  fs::current_path(before);
}

}  // namespace
}  // namespace mig_runner::store

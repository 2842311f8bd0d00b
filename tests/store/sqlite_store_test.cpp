#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <future>

#include "run_maker.h"
#include "sqlite_support.h"
#include "store/sql/sqlite_file.h"
#include "store_contract.h"

namespace mig_runner::store {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract,
                         testing::Values(TestBackend{"Sqlite", [] { return std::make_unique<SqliteDatabase>(); }}),
                         backend_name);

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  stat(path.c_str(), &status);
  return status.st_mode & 07777U;
}

TEST(SqliteStore, IsForItsOwnerAlone) {
  const test::ScratchDirectory directory;
  const auto path = directory.path() / "deep" / "state" / "runs.db";
  const auto before = umask(0);
  const auto opened = RunStore::open(path, "runner", kNow);
  umask(before);
  ASSERT_TRUE(opened.has_value()) << opened.error().text();
  EXPECT_EQ(opened->set_aside, "");
  store::Run run = full_run();
  ASSERT_TRUE(opened->store->add({&run, 1}));
  EXPECT_EQ(mode_of(directory.path() / "deep"), 0700U);
  EXPECT_EQ(mode_of(path.parent_path()), 0700U);
  for (const std::string ending : {"", "-wal", "-shm"}) EXPECT_EQ(mode_of(path.string() + ending), 0600U) << ending;
}

TEST(SqliteStore, TakesAwayWhatAKilledRunnerBegan) {
  const test::ScratchDirectory directory;
  const auto begun = directory.path() / ".runs.db.tmp-Ab12Cd";
  test::write_text(begun, "");
  ASSERT_TRUE(RunStore::open(directory.path() / "runs.db", "runner", kNow));
  EXPECT_FALSE(std::filesystem::exists(begun));
}

TEST(SqliteStore, PathsMayHoldOddCharacters) {
  const test::ScratchDirectory directory;
  const auto path = directory.path() / "a b  c=d 'e' %20?mode=ro#x\n" / "runs.db";
  {
    const auto opened = RunStore::open(path, "runner", kNow);
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    store::Run run = full_run();
    ASSERT_TRUE(opened->store->add({&run, 1}));
  }
  EXPECT_TRUE(fs::is_regular_file(path));
  EXPECT_EQ(RunStore::open(path, "runner", kNow)->store->history("", 5).value().size(), 1U);
  EXPECT_FALSE(RunStore::open(directory.path() / "quo\"te", "runner", kNow).has_value());
}

TEST(SqliteStore, ANewerSchemaIsRefusedAndLeftAlone) {
  SqliteDatabase database;
  database.fill(3);
  execute(database.path, "UPDATE schema_version SET version = 1000");
  const auto before = test::read_text(database.path);
  const auto refused = RunStore::open(database.path, "runner", kNow);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().retry, Retry::no);
  EXPECT_THAT(refused.error().text(), HasSubstr(database.path.string() + ": its schema has version 1000"));
  EXPECT_FALSE(RunStore::open_beside(database.path, "command").has_value());
  EXPECT_TRUE(test::read_text(database.path) == before);
  EXPECT_EQ(database.set_aside_files(), 0);
}

TEST(SqliteStore, TheFirstSchemaIsBroughtUpToDate) {
  SqliteDatabase database;
  database.fill(3);
  const auto runs = database.open()->history("", 10).value().size();
  for (const auto& statement : drop_columns_newer_than(1)) execute(database.path, statement);
  for (const auto* statement :
       {"DROP INDEX runs_failed", "DROP INDEX jobs_paused", "ALTER TABLE jobs DROP COLUMN paused_since",
        "ALTER TABLE jobs DROP COLUMN paused_at_run", "DROP TABLE pauses", "ALTER TABLE jobs DROP COLUMN timetable",
        "UPDATE schema_version SET version = 1"})
    execute(database.path, statement);
  EXPECT_FALSE(RunStore::open_beside(database.path, "command").has_value()) << "only the runner changes a schema";
  const auto store = database.open();
  EXPECT_EQ(database.set_aside_files(), 0);
  EXPECT_EQ(store->history("", 10).value().size(), runs);
  EXPECT_EQ(store->pause("job", kNow), true);
  EXPECT_EQ(store->history("", 1).value().at(0).launched_by, "");
}

TEST(SqliteStore, TheThirdSchemaKeepsItsCursorsWithoutATimetable) {
  SqliteDatabase database;
  const Cursor cursor{"a", kNow, "off"};
  ASSERT_TRUE(database.open()->plan({&cursor, 1}, {}, kNow));
  for (const auto& statement : drop_columns_newer_than(3)) execute(database.path, statement);
  execute(database.path, "ALTER TABLE jobs DROP COLUMN timetable");
  execute(database.path, "UPDATE schema_version SET version = 3");
  const auto store = database.open();
  EXPECT_EQ(database.set_aside_files(), 0);
  EXPECT_EQ(store->cursor("a").value(), (Cursor{"a", kNow, ""}));
}

TEST(SqliteStore, ACommandIsToldThatTheRunnerIsJustStarting) {
  const test::ScratchDirectory directory;
  test::write_text(directory.path() / "runs.db", "");
  const auto early = RunStore::open_beside(directory.path() / "runs.db", "command");
  ASSERT_FALSE(early.has_value());
  EXPECT_THAT(early.error().what, HasSubstr("the runner is just starting"));
}

TEST(SqliteStore, KnowsWhenOthersHaveWritten) {
  SqliteDatabase database;
  const auto runner = database.open();
  EXPECT_EQ(runner->written_by_others(), true) << "the first time";
  EXPECT_EQ(runner->written_by_others(), false);
  ASSERT_TRUE(runner->pause("a", kNow));
  EXPECT_EQ(runner->written_by_others(), false) << "its own writing";
  const auto command = RunStore::open_beside(database.path, "command");
  ASSERT_TRUE(command.has_value());
  EXPECT_EQ(runner->written_by_others(), false) << "looking changes nothing";
  ASSERT_TRUE((*command)->pause("b", kNow));
  EXPECT_EQ(runner->written_by_others(), true);
  EXPECT_EQ(runner->written_by_others(), false);
}

TEST(SqliteStore, ACommandWorksBesideTheRunner) {
  SqliteDatabase database;
  const auto runner = database.open();
  store::Run run = full_run();
  run.state = RunState::due;
  run.wake = kNow;
  ASSERT_TRUE(runner->add({&run, 1}));
  constexpr std::array kDue{RunState::due};
  const auto taken = runner->claim(kDue, kNow, 1).value();
  const auto command = RunStore::open_beside(database.path, "command");
  ASSERT_TRUE(command.has_value()) << command.error().text();
  EXPECT_EQ((*command)->history("", 5).value(), taken);
  EXPECT_TRUE((*command)->claim(kDue, kNow, 1).value().empty()) << "the runner's claim stays";
  const Change change{RunState::due, taken[0], {}};
  const auto refused = (*command)->record({&change, 1});
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().what, HasSubstr("claimed by runner, not by command"));
  EXPECT_TRUE(runner->record({&change, 1}));
  EXPECT_EQ((*command)->claim(kDue, kNow, 1).value().size(), 1U);
  const auto counts = (*command)->counts().value();
  EXPECT_EQ(counts, runner->counts().value());
}

TEST(SqliteStore, ACommandMakesNothing) {
  const test::ScratchDirectory directory;
  const auto none = RunStore::open_beside(directory.path() / "runs.db", "command");
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().retry, Retry::no);
  EXPECT_TRUE(fs::is_empty(directory.path()));
  test::write_text(directory.path() / "runs.db", std::string(10'000, 'x'));
  const auto damaged = RunStore::open_beside(directory.path() / "runs.db", "command");
  ASSERT_FALSE(damaged.has_value());
  EXPECT_THAT(damaged.error().what, HasSubstr("damaged"));
  EXPECT_EQ(test::read_text(directory.path() / "runs.db"), std::string(10'000, 'x'));
}

TEST(SqliteStore, WaitsForAnotherProcess) {
  SqliteDatabase database;
  const auto store = database.open();
  const Connection other(database.path);
  other.execute("BEGIN IMMEDIATE");
  auto planned = std::async(std::launch::async, [&] {
    store::Run run = full_run();
    return store->add({&run, 1}).has_value();
  });
  EXPECT_EQ(planned.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  other.execute("COMMIT");
  EXPECT_TRUE(planned.get());
}

TEST(SqliteStore, WaitsForNobodyOnceTheProcessEnds) {
  SqliteDatabase database;
  const auto store = database.open();
  const Connection other(database.path);
  other.execute("BEGIN IMMEDIATE");
  auto planned = std::async(std::launch::async, [&] {
    store::Run run = full_run();
    return store->add({&run, 1});
  });
  EXPECT_EQ(planned.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  store->begin_shutdown();
  ASSERT_EQ(planned.wait_for(std::chrono::seconds(1)), std::future_status::ready) << "a call that waits already";
  const auto failed = planned.get();
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().retry, Retry::later);
  EXPECT_THAT(failed.error().text(), testing::HasSubstr("another process keeps the database locked"));
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(store->release_all().has_value());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1)) << "calls that begin afterwards";
  other.execute("COMMIT");
  EXPECT_TRUE(store->release_all().has_value()) << "and what can be written still is";
}

TEST(SqliteStore, AfterOneWaitInVainOthersDoNotWaitAsLong) {
  using std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kLimit{1000};
  SqliteDatabase database;
  database.open();
  LockWait lock_wait(kLimit);
  soci::session session;
  ASSERT_TRUE(connect_sqlite(session, database.path, lock_wait));
  const Connection other(database.path);
  other.execute("BEGIN IMMEDIATE");
  const auto wait = [&] {
    const auto begin = steady_clock::now();
    EXPECT_THROW(session << "UPDATE runs SET owner = NULL", soci::soci_error);
    return steady_clock::now() - begin;
  };
  EXPECT_GE(wait(), kLimit);
  const auto begin = steady_clock::now();
  for (int i = 0; i < 10; ++i) wait();
  EXPECT_LT(steady_clock::now() - begin, kLimit) << "each of many threads would hold up all those behind it";
  other.execute("COMMIT");
  EXPECT_NO_THROW(session << "UPDATE runs SET owner = NULL");
}

TEST(SqliteStore, AReaderHoldsNobodyUp) {
  SqliteDatabase database;
  const auto store = database.open();
  const Connection other(database.path);
  other.execute("BEGIN; SELECT count(*) FROM runs");
  for (int i = 0; i < 50; ++i) {
    store::Run run = full_run();
    run.nominal += std::chrono::hours(i);
    ASSERT_TRUE(store->add({&run, 1}));
  }
  EXPECT_EQ(store->counts().value().at(RunState::posted), 50);
  other.execute("COMMIT");
}

TEST(SqliteStore, ErrorsSayNothingOfWhatWasToBeWritten) {
  SqliteDatabase database;
  const auto store = database.open();
  execute(database.path, "DROP TABLE documents");
  store::Run run = full_run();
  const auto failed = store->adopt(run, "what only the action may say");
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().retry, Retry::later);
  EXPECT_THAT(failed.error().text(), HasSubstr("no such table"));
  EXPECT_THAT(failed.error().text(), testing::Not(HasSubstr("what only")));
  EXPECT_EQ(store->history("", 5).value().size(), 0U) << "nothing of a failed call is kept";
}

}  // namespace
}  // namespace mig_runner::store

// History moves between the databases, whole or not at all.

#include <gmock/gmock.h>

#include "base/host_name.h"
#include "postgresql_support.h"
#include "store/sqlite_support.h"
#include "store/tree_lock.h"

namespace mig_runner::store {
namespace {

using testing::HasSubstr;

struct History {
  std::vector<store::Run> runs;
  std::vector<Cursor> cursors;
  std::map<std::string, Pause> paused;
  std::multimap<std::string, FinishedPause> finished_pauses;
  std::map<RunState, std::int64_t> counts;
  std::optional<std::string> action;

  explicit History(RunStore& store) {
    runs = *store.history("", 10'000);
    cursors = *store.cursors();
    paused = *store.paused();
    finished_pauses = *store.finished_pauses({});
    counts = *store.counts();
    const auto adopted = *store.find(full_run().job, full_run().nominal);
    action = *store.action(*adopted);
  }
  bool operator==(const History& other) const {
    return runs == other.runs && cursors == other.cursors && paused == other.paused &&
           finished_pauses == other.finished_pauses && counts == other.counts && action == other.action;
  }
};

TEST(StoreCopy, BringsEverythingThereAndBack) {
  SqliteDatabase sqlite;
  sqlite.fill(2500);  // a server is read in batches
  std::optional<History> before;
  {
    const auto store = sqlite.open();
    ASSERT_EQ(store->pause("job-1", kNow), true);
    ASSERT_EQ(store->pause("job-2", kNow), true);
    ASSERT_EQ(store->resume("job-2", kNow), true);
    ASSERT_EQ(store->finished_pauses({})->size(), 1U);
    before.emplace(*store);
  }
  const PostgresqlDatabase postgresql;
  const auto there_at_first = copy_history(sqlite.path, postgresql.location());
  ASSERT_TRUE(there_at_first.has_value()) << there_at_first.error().text();
  EXPECT_EQ(*there_at_first, 2501);
  {
    const auto store = postgresql.open();
    EXPECT_TRUE(History(*store) == *before);
    store::Run next = full_run();
    next.job = "after the copy";
    EXPECT_EQ(store->add({&next, 1}).value(), std::vector{true}) << "numbers go on";
    EXPECT_GT(store->find(next.job, next.nominal).value()->number, before->runs.front().number);
  }
  const auto refused = copy_history(sqlite.path, postgresql.location());
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().text(), HasSubstr("it is not empty"));

  const auto back = sqlite.directory.path() / "back" / "runs.db";
  {
    const auto idle = postgresql.open();
    const auto too_early = copy_history(postgresql.location(), back);
    ASSERT_FALSE(too_early.has_value());
    EXPECT_THAT(too_early.error().text(), HasSubstr("a runner is at work on it"));
  }
  const auto copied_back = copy_history(postgresql.location(), back);
  ASSERT_TRUE(copied_back.has_value()) << copied_back.error().text();
  EXPECT_EQ(*copied_back, 2502);
  const auto there = postgresql.open();
  const auto here = std::move(RunStore::open(back, "runner", kNow)->store);
  EXPECT_TRUE(History(*here) == History(*there));
}

TEST(StoreCopy, ARunnerAtWorkOrAFailureLeavesNothing) {
  SqliteDatabase sqlite;
  sqlite.fill(50);
  const PostgresqlDatabase postgresql;
  {
    const auto lock = TreeLock::acquire(sqlite.path.parent_path(), kNow);
    const auto refused = copy_history(sqlite.path, postgresql.location());
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().text(), HasSubstr("a runner is at work on it"));
  }
  postgresql.query("ALTER TABLE documents ADD CONSTRAINT full_disk CHECK (content = '')");
  EXPECT_FALSE(copy_history(sqlite.path, postgresql.location()).has_value());
  EXPECT_TRUE(postgresql.open()->history("", 5)->empty());
  EXPECT_TRUE(postgresql.open()->cursors()->empty());
}

TEST(StoreCopy, WhatFailsLeavesNothingThatWasNotThere) {
  SqliteDatabase sqlite;
  sqlite.fill(5);
  const auto copy = sqlite.directory.path() / "copy.db";
  const auto files = [&] {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(sqlite.directory.path())) ++count;
    return count;
  };
  const auto before = files();
  auto& server = test::PostgresqlServer::shared();
  const auto empty = Location::parse(server.uri(server.new_database()), "").value();
  EXPECT_FALSE(copy_history(empty, copy)) << "it has no schema";
  EXPECT_EQ(files(), before);
  execute(sqlite.path, "UPDATE runs SET state = 'no number' WHERE number = 3");
  EXPECT_FALSE(copy_history(sqlite.path, empty)) << "no server takes that";
  EXPECT_EQ(schema_versions(empty)->found, 0) << "nor is there a schema now";
}

TEST(StoreCopy, OntoItselfIsRefused) {
  SqliteDatabase sqlite;
  sqlite.fill(5);
  std::filesystem::create_hard_link(sqlite.path, sqlite.directory.path() / "link.db");
  const PostgresqlDatabase postgresql;
  for (const auto& [from, to] : {std::pair(Location(sqlite.path), Location(sqlite.directory.path() / "link.db")),
                                 std::pair(postgresql.location(), postgresql.location())}) {
    const auto refused = copy_history(from, to);
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().text(), HasSubstr("it cannot be copied to itself"));
  }
}

TEST(StoreCopy, ClaimsOfRunnersThatWereKilledAreNotInTheWay) {
  SqliteDatabase sqlite;
  sqlite.fill(50);
  ASSERT_FALSE(sqlite.open()->claim(std::array{RunState::due}, at("9999-01-01T00:00:00Z"), 1)->empty());
  const PostgresqlDatabase postgresql;
  ASSERT_TRUE(copy_history(sqlite.path, postgresql.location()));
  EXPECT_EQ(postgresql.query("SELECT count(*) FROM runs WHERE owner IS NOT NULL"), "0\n");
  postgresql.query("INSERT INTO members SELECT 'h/1/a', 'h', 1, '', 0, now() - interval '1 h', 0");
  postgresql.query("UPDATE runs SET owner = 'h/1/a'");
  EXPECT_TRUE(copy_history(postgresql.location(), sqlite.directory.path() / "copy.db"));
}

TEST(StoreCopy, ResultFilesAreSaidToLieInTheTreeTheyLieIn) {
  SqliteDatabase sqlite;
  sqlite.fill(50);
  const auto state = sqlite.directory.path() / "tree" / "state";
  std::filesystem::create_directories(state);
  std::filesystem::copy_file(sqlite.path, state / "runs.db");
  execute(state / "runs.db", "UPDATE runs SET collected_by = ''");
  const PostgresqlDatabase postgresql;
  ASSERT_TRUE(copy_history(state / "runs.db", postgresql.location()));
  EXPECT_EQ(postgresql.query("SELECT DISTINCT collected_by FROM runs WHERE result_file <> ''"),
            host_name() + ':' + (sqlite.directory.path() / "tree").string() + '\n');
}

TEST(StoreMigration, WaitsUntilAllRunnersAreStopped) {
  const PostgresqlDatabase postgresql;
  auto store = postgresql.open();
  postgresql.query("UPDATE schema_version SET version = 2");
  const auto refused = make_schema(postgresql.location());
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().text(), HasSubstr("a runner is at work on it, stop it first"));
}

}  // namespace
}  // namespace mig_runner::store

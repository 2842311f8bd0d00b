// What is PostgreSQL's alone: its URI, its failures, a connection that is lost and made again.

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "base/clock.h"
#include "postgresql_support.h"
#include "store/run_maker.h"

namespace mig_runner::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const Timestamp kNoon = at("2026-11-23T12:00:00Z");

Run due_run(const std::string& job) {
  Run run;
  run.job = job;
  run.nominal = kNoon;
  run.wake = kNoon;
  return run;
}

TEST(PostgresqlUri, SaysWhereRunsAreKept) {
  const auto parse = [](const std::string& text) { return Location::parse(text, "/state/runs.db"); };
  EXPECT_EQ(parse("")->text(), "/state/runs.db");
  EXPECT_EQ(parse("sqlite")->text(), "/state/runs.db");
  EXPECT_FALSE(parse("sqlite")->is_postgresql());
  EXPECT_EQ(parse("postgresql://runner:secret@db.example.net:5433/mig?sslmode=verify-full")->text(),
            "postgresql://runner@db.example.net:5433/mig");
  EXPECT_EQ(parse("postgres:///mig")->text(), "postgresql:///mig");
}

TEST(PostgresqlUri, APasswordIsNeverShown) {
  for (const std::string wrong :
       {"postgresql://runner:sec@ret@db/mig", "postgresql://runner:sec/ret@db/mig",
        "postgresql://runner:sec%ret@db/mig", "postgresql://runner:secret@db/mig?sslmod=require&x=secret",
        "postgresql://runner:secret@db:port@x/mig", "postgresql://runner:secret", "postgresql://runner:secret/mig",
        "mysql://runner:secret@db/mig", "runner:secret"}) {
    const auto refused = Location::parse(wrong, "");
    ASSERT_FALSE(refused.has_value()) << wrong;
    EXPECT_THAT(refused.error().text(), Not(HasSubstr("sec"))) << wrong;
    EXPECT_THAT(refused.error().text(), Not(HasSubstr("ret@"))) << wrong;
  }
  PostgresqlDatabase database;
  database.query("CREATE ROLE locked LOGIN PASSWORD 'right'");
  auto uri = database.location().uri;
  uri.replace(uri.find("runner@"), 7, "locked:wrong-one@");
  const auto refused = RunStore::open(Location::parse(uri, "").value(), "runner", kNoon);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().text(), HasSubstr("password authentication failed for user \"locked\""));
  EXPECT_THAT(refused.error().text(), Not(HasSubstr("wrong-one")));
  database.query("DROP ROLE locked");
  // Parts of a password behind a character with a meaning.
  for (const auto* option : {"connect_timeout=", "sslmode=", "gssencmode=", "service="}) {
    const auto location = Location::parse(database.location().uri + "&" + option + "secret", "");
    const auto wrong = RunStore::open(*location, "runner", kNoon);
    ASSERT_FALSE(wrong.has_value()) << option;
    EXPECT_THAT(wrong.error().text(), Not(HasSubstr("secret"))) << option;
  }
}

TEST(PostgresqlSchema, ThatAPartIsMissingIsSaid) {
  PostgresqlDatabase database;
  for (const auto* part : {"TABLE documents", "TABLE member_jobs", "SEQUENCE changes"}) {
    const std::string gone = part;
    database.query("ALTER " + gone + " RENAME TO gone");
    for (const auto& error : {schema_versions(database.location()).error(), make_schema(database.location()).error(),
                              RunStore::open(database.location(), "runner", kNoon).error()})
      EXPECT_THAT(error.text(), HasSubstr("a part of the schema is missing: bring it back from a backup")) << part;
    database.query("ALTER " + gone.substr(0, gone.find(' ')) + " gone RENAME TO " + gone.substr(gone.find(' ') + 1));
  }
  EXPECT_TRUE(schema_versions(database.location()));
}

TEST(PostgresqlSchema, IsMadeByHandAndHasOneVersion) {
  auto& server = test::PostgresqlServer::shared();
  const auto name = server.new_database();
  const auto location = Location::parse(server.uri(name), "").value();
  const auto open = [&] { return RunStore::open(location, "runner", kNoon); };
  EXPECT_EQ(schema_versions(location)->found, 0);
  EXPECT_THAT(open().error().text(), HasSubstr("`mig-runner store init`"));
  EXPECT_EQ(make_schema(location)->found, 0);
  const auto known = schema_versions(location)->known;
  EXPECT_EQ(make_schema(location)->found, known) << "nothing more to do";
  EXPECT_TRUE(open());

  server.query(name, "UPDATE schema_version SET version = version + 1");
  for (const auto& refused : {open().error(), make_schema(location).error()}) {
    EXPECT_EQ(refused.retry, Retry::no);
    EXPECT_THAT(refused.text(), HasSubstr("run the newer mig-runner that wrote it"));
  }
  server.query(name, "UPDATE schema_version SET version = 1");
  EXPECT_THAT(open().error().text(), HasSubstr("mig-runner store migrate"));
}

TEST(PostgresqlSchema, IsMadeInUnicodeOnly) {
  auto& server = test::PostgresqlServer::shared();
  const auto name = server.new_database();
  server.query(name, "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
  const auto latin = Location::parse(server.uri("latin"), "").value();
  const auto refused = make_schema(latin);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().retry, Retry::no);
  EXPECT_THAT(refused.error().text(), HasSubstr("its encoding is LATIN1: make one with CREATE DATABASE"));
  EXPECT_EQ(schema_versions(latin)->found, 0);
}

TEST(PostgresqlSchema, AnOlderOneIsBroughtUpToDate) {
  PostgresqlDatabase database;
  const auto run = due_run("a");
  ASSERT_TRUE(database.open()->add({&run, 1}));
  ASSERT_EQ(database.open()->pause("a", kNoon), true);
  for (const auto& statement : drop_columns_newer_than(2)) database.query(statement);
  database.query(
      "ALTER TABLE jobs DROP COLUMN paused_at_run, DROP COLUMN timetable; DROP TABLE pauses; ALTER TABLE runs DROP "
      "COLUMN job_hash; DROP TABLE member_jobs, members; DROP SEQUENCE changes; DROP INDEX jobs_paused;"
      " UPDATE schema_version SET version = 2");
  EXPECT_THAT(RunStore::open(database.location(), "runner", kNoon).error().text(),
              HasSubstr("mig-runner store migrate"));
  EXPECT_EQ(make_schema(database.location())->found, 2);
  const auto found = database.open()->find("a", run.nominal).value().value();
  EXPECT_EQ(found.state, RunState::due);
  EXPECT_EQ(found.launched_by, "");
  EXPECT_EQ(database.open()->paused()->at("a"), (Pause{kNoon, found.number}));
}

TEST(PostgresqlSchema, TheThirdKeepsItsCursorsWithoutATimetable) {
  PostgresqlDatabase database;
  const Cursor cursor{"a", kNoon, "off"};
  ASSERT_TRUE(database.open()->plan({&cursor, 1}, {}, kNoon));
  for (const auto& statement : drop_columns_newer_than(3)) database.query(statement);
  database.query("DELETE FROM members; ALTER TABLE jobs DROP COLUMN timetable; UPDATE schema_version SET version = 3");
  EXPECT_EQ(make_schema(database.location())->found, 3);
  EXPECT_EQ(database.open()->cursor("a").value(), (Cursor{"a", kNoon, ""}));
}

TEST(PostgresqlStore, TheTimeThatIsSharedIsTheDatabases) {
  PostgresqlDatabase database;
  const auto time = database.open()->shared_time(kNoon).value();
  const auto here = system_clock().now();
  EXPECT_LT(std::chrono::abs(time - here), std::chrono::seconds(10)) << format_utc(time);
}

// As for a member that was cut off while the others were brought up to date.
TEST(PostgresqlConnection, ToASchemaOfAnotherVersionIsNeverUsed) {
  PostgresqlDatabase database;
  const auto store = database.open();
  database.query(
      "UPDATE schema_version SET version = version + 1;"
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mig-runner' AND datname ="
      " current_database()");
  const auto run = due_run("a");
  for (int i = 0; i < 3; ++i) {
    const auto planned = store->add({&run, 1});
    ASSERT_FALSE(planned) << i;
    EXPECT_THAT(planned.error().text(), HasSubstr("its schema has version")) << i;
  }
  database.query("UPDATE schema_version SET version = version - 1");
  EXPECT_TRUE(store->add({&run, 1}));
}

TEST(PostgresqlConnection, IsMadeAgainWhereItWasCut) {
  PostgresqlDatabase database;
  const auto store = database.open();
  const auto run = due_run("a");
  const auto cut = [&] {
    database.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mig-runner' AND datname ="
        " current_database()");
  };
  cut();
  ASSERT_TRUE(store->add({&run, 1})) << "a connection that was idle is made again without a word";
  auto changed = store->claim(std::array{RunState::due}, kNoon, 1)->at(0);
  changed.state = RunState::signed_;
  const Change change{RunState::due, changed, {"signature", std::nullopt}, true};
  ASSERT_TRUE(store->record({&change, 1}));
  cut();
  EXPECT_EQ(store->signatures(changed)->size(), 1U);
  cut();
  changed.state = RunState::posted;
  const Change next{RunState::signed_, changed, {"second", std::nullopt}};
  EXPECT_TRUE(store->record({&next, 1})) << "statements are prepared again";
  EXPECT_EQ(store->signatures(changed)->size(), 2U);
}

TEST(PostgresqlConnection, ADatabaseThatIsAwayIsToldAndComesBack) {
  test::PostgresqlServer server;
  const auto location = Location::parse(server.uri(server.new_database()), "").value();
  ASSERT_TRUE(make_schema(location));
  const auto store = std::move(RunStore::open(location, "runner", kNoon)->store);
  server.stop();
  const auto run = due_run("a");
  for (int i = 0; i < 3; ++i) {
    const auto failed = store->add({&run, 1});
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().retry, Retry::later);
    EXPECT_THAT(failed.error().text(), HasSubstr("there is no connection to the database (connection to server"));
  }
  server.start();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!store->add({&run, 1}) && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_TRUE(store->find("a", kNoon).value().has_value());
}

TEST(PostgresqlConnection, WhatNoRunnerHasWrittenIsToldAndIsNoDamage) {
  const PostgresqlDatabase database;
  const auto store = database.open();
  const std::array runs{due_run("a"), due_run("b")};
  ASSERT_TRUE(store->add(runs));
  database.query("UPDATE runs SET state = 99 WHERE job = (SELECT number FROM jobs WHERE name = 'a')");
  EXPECT_EQ(store->history("", 10)->size(), 1U);
  EXPECT_THAT(store->take_refused(), ElementsAre(HasSubstr("no mig-runner has written it: there is no state 99")));
  EXPECT_EQ(store->claim(std::array{RunState::due}, kNoon, 10)->size(), 1U) << "the others go on";
}

TEST(PostgresqlConnection, AReadOnlyDatabaseIsToldApart) {
  PostgresqlDatabase database;
  auto uri = database.location().uri + "&target_session_attrs=any";
  uri += "&options=-cdefault_transaction_read_only%3Don";
  const auto store = RunStore::open_beside(Location::parse(uri, "").value(), "command").value();
  const auto run = due_run("a");
  const auto refused = store->add({&run, 1});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().retry, Retry::later);
  EXPECT_THAT(refused.error().text(), HasSubstr("the database takes no writes"));
}

TEST(PostgresqlConnection, WritesOfOthersAreNoticedOwnOnesAreNot) {
  PostgresqlDatabase database;
  const auto runner = database.open();
  const auto command = RunStore::open_beside(database.location(), "command").value();
  EXPECT_EQ(runner->written_by_others(), true) << "the first time";
  const auto run = due_run("a");
  ASSERT_TRUE(runner->add({&run, 1}));
  EXPECT_EQ(runner->written_by_others(), false);
  ASSERT_EQ(command->pause("a", kNoon), true);
  EXPECT_EQ(runner->written_by_others(), true);
  EXPECT_EQ(runner->written_by_others(), false);
  const auto other = due_run("b");
  ASSERT_TRUE(command->add({&other, 1}));
  EXPECT_EQ(runner->written_by_others(), true);
}

TEST(PostgresqlGroup, RunnersThatClaimAtOnceNeverHaveTheSameRun) {
  PostgresqlDatabase database;
  const auto first = database.open("first");
  std::vector<store::Run> runs(300);
  for (std::size_t i = 0; i < runs.size(); ++i) runs[i] = due_run("job-" + std::to_string(i));
  ASSERT_TRUE(first->add(runs));
  std::atomic<int> claimed = 0;
  std::atomic<int> faults = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i)
      threads.emplace_back([&, i] {
        const auto store = database.open("runner-" + std::to_string(i));
        while (true) {
          const auto taken = store->claim(std::array{RunState::due}, kNoon, 4);
          if (!taken) ++faults;
          if (!taken || taken->empty()) return;
          claimed += static_cast<int>(taken->size());
          for (auto run : *taken) {
            run.state = RunState::sent;
            run.wake.reset();
            const Change change{RunState::due, run, {}};
            if (!store->record({&change, 1})) ++faults;
          }
        }
      });
  }
  EXPECT_EQ(claimed, 300);
  EXPECT_EQ(faults, 0);
}

// Each plans the same times of many jobs, in another order.
TEST(PostgresqlGroup, RunnersThatPlanAtOnceDoNotLockEachOther) {
  PostgresqlDatabase database;
  std::atomic<int> fresh = 0;
  std::atomic<int> faults = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&, i] {
      const auto store = database.open("runner-" + std::to_string(i));
      for (int round = 0; round < 20; ++round) {
        std::vector<store::Run> runs;
        std::vector<Cursor> cursors;
        for (int job = 0; job < 30; ++job) {
          runs.push_back(due_run("job-" + std::to_string(i % 2 == 0 ? job : 29 - job)));
          runs.back().nominal += std::chrono::seconds(round);
          cursors.push_back({runs.back().job, runs.back().nominal, ""});
        }
        const auto planned = store->plan(cursors, runs, kNoon);
        if (!planned) ++faults;
        if (planned) fresh += static_cast<int>(std::count(planned->begin(), planned->end(), true));
      }
    });
  threads.clear();
  EXPECT_EQ(fresh, 600);
  EXPECT_EQ(faults, 0);
}

}  // namespace
}  // namespace mig_runner::store

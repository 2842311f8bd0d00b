// Members of a group: what each has claimed is its own as long as its lease lives.

#include <gmock/gmock.h>
#include <unistd.h>

#include "members_test.h"

namespace mig_runner::store {
namespace {

using testing::HasSubstr;
using testing::Not;

class LeaseTest : public MembersTest {};

TEST_F(LeaseTest, LivesAsLongAsItsMember) {
  const auto first = member(2s);
  const auto term = first->group()->term();
  EXPECT_EQ(term, 1U);
  plan(*first, "a");
  ASSERT_EQ(claim(*first).size(), 1U);
  const auto second = member(2s);
  const auto end = std::chrono::steady_clock::now() + 4s;
  while (std::chrono::steady_clock::now() < end) {
    ASSERT_TRUE(first->group()->holds(term)) << "it is renewed";
    ASSERT_TRUE(claim(*second).empty());
    std::this_thread::yield();
  }
  EXPECT_LT(std::chrono::abs(first->group()->clock_ahead()), 1s);
}

TEST_F(LeaseTest, AMemberThatLeavesGivesBackItsClaims) {
  auto first = member(30s);
  plan(*first, "a");
  ASSERT_EQ(claim(*first).size(), 1U);
  first.reset();
  const auto second = member(30s);
  EXPECT_EQ(second->group()->members()->size(), 1U);
  EXPECT_EQ(claim(*second).size(), 1U);
}

TEST_F(LeaseTest, AMemberThatHasLeftIsForgottenWithItsLease) {
  auto leaves = member(30s);
  ASSERT_TRUE(leaves->group()->set_jobs({{"a", "1"}}));
  leaves.reset();
  const auto alive = member(2s);
  EXPECT_TRUE(alive->group()->job_differences()->empty()) << "it may be back with another configuration";
  EXPECT_EQ(alive->written_by_others(), true);
  end_leases_but_of(newest_member());
  EXPECT_TRUE(eventually([&] { return database.query("SELECT count(*) FROM members") == "1\n"; }));
  EXPECT_EQ(alive->written_by_others(), true) << "others may do now what only it could";
}

TEST_F(LeaseTest, WhoHasNotToldItsJobsYetDoesNotDiffer) {
  const auto one = member(300s);
  ASSERT_TRUE(one->group()->set_jobs({{"a", "1"}}));
  const auto starting = member(300s);
  EXPECT_TRUE(one->group()->job_differences()->empty());
  database.query("DELETE FROM members WHERE id = '" + newest_member() + "'");
  EXPECT_FALSE(starting->claim(std::array{RunState::due}, kNoon, 1)) << "its lease ended while it started";
  EXPECT_TRUE(starting->counts());
  EXPECT_TRUE(one->group()->job_differences()->empty());
  ASSERT_TRUE(starting->group()->set_jobs({}));
  EXPECT_EQ(one->group()->job_differences()->size(), 2U);
}

TEST_F(LeaseTest, AMemberThatIsBackTakesThePlaceOfTheOneThatLeft) {
  auto before = member(300s);
  ASSERT_TRUE(before->group()->set_jobs({{"a", "old"}}));
  before.reset();
  const auto back = member(300s);
  ASSERT_TRUE(back->group()->set_jobs({{"a", "new"}}));
  EXPECT_EQ(database.query("SELECT hash FROM member_jobs"), "new\n");
  EXPECT_EQ(database.query("SELECT count(*) FROM members"), "1\n");
}

TEST_F(LeaseTest, WhatADeadMemberHadClaimedIsFreeInEveryState) {
  const auto dead = member(300s);
  const std::array states{RunState::due, RunState::signed_, RunState::unknown, RunState::posted, RunState::stored};
  for (const auto state : states) plan(*dead, std::string(state_name(state)), state);
  ASSERT_EQ(dead->claim(states, kNoon, 10)->size(), 5U);
  const auto alive = member(2s);
  EXPECT_EQ(alive->written_by_others(), true);
  end_leases_but_of(newest_member());
  EXPECT_TRUE(eventually([&] { return database.query("SELECT count(*) FROM runs WHERE owner IS NOT NULL") == "0\n"; }));
  EXPECT_EQ(alive->written_by_others(), true) << "stages look again";
  EXPECT_EQ(alive->claim(states, kNoon, 10)->size(), 5U);
}

TEST_F(LeaseTest, WhoseLeaseEndedStepsBack) {
  const auto slow = member(300s);
  const auto term = slow->group()->term();
  plan(*slow, "a");
  auto run = claim(*slow).at(0);
  end_leases_but_of("");
  run.state = RunState::signed_;
  const Change change{RunState::due, run, {"signature", std::nullopt}, true};
  const auto early = slow->record({&change, 1});
  ASSERT_FALSE(early.has_value()) << "no deed without a live lease";
  EXPECT_EQ(early.error().retry, Retry::later) << "nobody has taken over yet";

  const auto other = member(2s);
  ASSERT_TRUE(eventually([&] { return claim(*other).size() == 1; }));
  const auto late = slow->record({&change, 1});
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().retry, Retry::no);
  EXPECT_THAT(late.error().text(), HasSubstr("lease has ended"));
  EXPECT_FALSE(slow->group()->holds(term));
  EXPECT_TRUE(slow->counts());
  EXPECT_EQ(slow->group()->term(), 2U) << "it takes part again";
  EXPECT_TRUE(slow->group()->holds(2));
  EXPECT_FALSE(slow->group()->holds(term)) << "what was claimed before is not its own any more";
  const auto still = slow->record({&change, 1});
  EXPECT_THAT(still.error().text(), HasSubstr("it is claimed by"));
}

TEST_F(LeaseTest, IsNotBelievedWhereItCannotBeRenewed) {
  test::PostgresqlServer server;
  const auto location = Location::parse(server.uri(server.new_database()), "").value();
  ASSERT_TRUE(make_schema(location));
  const auto store = std::move(RunStore::open(location, "runner", kNoon, 2s)->store);
  EXPECT_TRUE(store->group()->holds(1));
  server.stop();
  EXPECT_TRUE(eventually([&] { return !store->group()->holds(1); }));
  server.start();
  EXPECT_TRUE(eventually([&] { return store->group()->holds(store->group()->term()); }));
  EXPECT_EQ(store->group()->term(), 1U) << "nobody else was there: its claims are still its own";
}

// Its own connection works, but not the one that renews the lease.
TEST_F(LeaseTest, SaysWhyItIsNotRenewed) {
  const auto store = member(2s);
  database.query(
      "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'too many of you'; END $$;"
      "CREATE TRIGGER refuse BEFORE UPDATE ON members FOR EACH ROW EXECUTE FUNCTION refuse()");
  std::string said;
  const auto refused = [&] {
    const auto claimed = store->claim(std::array{RunState::due}, kNoon, 1);
    said = claimed ? "" : claimed.error().text();
    return !said.empty();
  };
  EXPECT_TRUE(eventually(refused));
  EXPECT_THAT(said, HasSubstr("this runner's lease is not renewed at the moment: the database failed ("));
  EXPECT_THAT(said, HasSubstr("too many of you"));

  database.query("DROP TRIGGER refuse ON members");
  EXPECT_TRUE(eventually([&] { return !refused(); }));
  EXPECT_TRUE(eventually([&] {
    end_leases_but_of("");
    return refused();
  }));
  EXPECT_THAT(said, Not(HasSubstr("too many of you"))) << "what was, is not the reason any more";
}

// As a server that hangs, or a firewall that forgets connections.
TEST_F(LeaseTest, ACallThatIsNeverAnsweredEndsWithTheLease) {
  test::TcpProxy proxy(database.server.socket());
  const auto store = member(2s, proxy);
  plan(*store, "a");
  proxy.silence();
  const auto begin = std::chrono::steady_clock::now();
  const auto silent = store->claim(std::array{RunState::due}, kNoon, 1);
  EXPECT_FALSE(silent.has_value());
  EXPECT_GT(std::chrono::steady_clock::now() - begin, 1900ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
  EXPECT_TRUE(eventually([&] { return !store->group()->holds(1); }));
  proxy.restore();
  EXPECT_TRUE(eventually([&] { return store->group()->holds(store->group()->term()); }));
  EXPECT_TRUE(eventually([&] { return store->claim(std::array{RunState::due}, kNoon, 1).has_value(); }));
}

// Its transaction has locked its own row, by which others see it end, and the runs and jobs that it was changing.
TEST_F(LeaseTest, WhoIsCutOffInsideATransactionKeepsNothingLocked) {
  test::TcpProxy proxy(database.server.socket());
  const auto cut_off = member(3s, proxy);
  plan(*cut_off, "a");
  const auto run = claim(*cut_off).at(0);
  const auto other = member(3s);

  database.query("CREATE TABLE silenced (really boolean)");
  std::jthread locker([&] {
    database.query(
        "BEGIN; SELECT FROM jobs FOR UPDATE;"
        "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM silenced) LOOP PERFORM pg_sleep(0.05); END LOOP; END $$; COMMIT");
  });
  const auto waiting = [&](const std::string& what) {
    return database.query("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND " + what) !=
           "0\n";
  };
  ASSERT_TRUE(eventually([&] { return database.server.somebody_dozes(database.name); }));
  std::jthread stuck([&] {
    const Cursor cursor{"a", kNoon + 1h, ""};
    EXPECT_FALSE(cut_off->plan({&cursor, 1}, {}, kNoon));
  });
  ASSERT_TRUE(eventually([&] { return waiting("wait_event_type = 'Lock'"); }));
  proxy.silence();
  database.query("INSERT INTO silenced VALUES (true)");
  locker.join();
  ASSERT_TRUE(waiting("state = 'idle in transaction'")) << "it would stay so for hours";

  EXPECT_TRUE(eventually([&] {
    const Cursor cursor{"a", kNoon, ""};
    return other->plan({&cursor, 1}, {}, kNoon).has_value();
  })) << "others plan again";
  EXPECT_TRUE(eventually([&] { return claim(*other).size() == 1; })) << "and take over what it had claimed";
}

TEST_F(LeaseTest, AClaimThatNobodyHeardOfIsGivenBack) {
  const auto store = member(30s);
  plan(*store, "known");
  plan(*store, "unknown");
  auto runs = claim(*store);
  ASSERT_EQ(runs.size(), 2U);
  ASSERT_TRUE(store->release({&runs[1], 1}));
  // As a claim whose commit went through while its answer was lost.
  database.query("UPDATE runs SET owner = (SELECT id FROM members)");
  database.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mig-runner' AND datname ="
      " current_database()");
  const auto again = claim(*store);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].number, runs[1].number);
}

TEST_F(LeaseTest, WhatCouldNotBeGivenBackAtTheEndOfTheStagesIsGivenBackLater) {
  test::TcpProxy proxy(database.server.socket());
  const auto store = member(30s, proxy);
  plan(*store, "a");
  ASSERT_EQ(claim(*store).size(), 1U);
  database.query("ALTER TABLE runs RENAME TO gone");
  EXPECT_FALSE(store->release_all());
  database.query("ALTER TABLE gone RENAME TO runs");
  ASSERT_TRUE(store->group()->release_unknown());
  EXPECT_EQ(claim(*store).size(), 1U);
}

TEST_F(LeaseTest, WhoseJobsCannotBeToldIsNoMember) {
  const auto store = member(30s);
  ASSERT_TRUE(store->group()->set_jobs({{"a", "1"}}));
  database.query(
      "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
      "CREATE TRIGGER refuse BEFORE INSERT ON member_jobs FOR EACH ROW EXECUTE FUNCTION refuse();"
      "DELETE FROM members");
  EXPECT_FALSE(store->claim(std::array{RunState::due}, kNoon, 1)) << "it sees that it is none any more";
  EXPECT_FALSE(store->counts());
  EXPECT_FALSE(store->group()->holds(store->group()->term()));
  EXPECT_FALSE(store->group()->set_jobs({{"a", "2"}}));
  EXPECT_EQ(database.query("SELECT count(*) FROM members"), "0\n");
  database.query("DROP TRIGGER refuse ON member_jobs");
  EXPECT_TRUE(store->counts());
  EXPECT_TRUE(store->group()->holds(store->group()->term()));
  EXPECT_EQ(database.query("SELECT hash FROM member_jobs JOIN members ON members.id = member"
                           " WHERE lease_until > clock_timestamp() ORDER BY started DESC LIMIT 1"),
            "1\n");
  EXPECT_TRUE(store->group()->set_jobs({{"a", "2"}}));
}

TEST_F(LeaseTest, AClaimThatCameThroughLaterIsGivenBackToo) {
  const auto store = member(30s);
  plan(*store, "known");
  auto runs = claim(*store);
  ASSERT_EQ(runs.size(), 1U);
  plan(*store, "unknown");
  database.query("UPDATE runs SET owner = (SELECT id FROM members)");
  ASSERT_TRUE(store->group()->release_unknown());
  const auto again = claim(*store);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].job, "unknown");
}

TEST_F(LeaseTest, WhatACommitWithALostAnswerHasPlannedIsTold) {
  test::TcpProxy proxy(database.server.socket());
  const auto store = member(30s, proxy);
  const auto other = member(30s);
  database.server.doze_at_commit(database.name, "true");
  EXPECT_TRUE(other->written_by_others());
  int told = 0;
  store->on_change([&](const Claimable& woken) { told += woken.runs; });
  std::jthread cutter([&] {
    EXPECT_TRUE(eventually([&] { return database.server.somebody_dozes(database.name); }));
    proxy.cut();
  });
  store::Run run;
  run.job = "a";
  run.nominal = kNoon;
  run.wake = kNoon;
  EXPECT_FALSE(store->add({&run, 1}));
  EXPECT_EQ(told, 1) << "the stages look whether it is there";
  ASSERT_TRUE(eventually([&] { return database.query("SELECT count(*) FROM runs") == "1\n"; }));
  EXPECT_TRUE(store->counts());
  EXPECT_EQ(other->written_by_others(), true) << "others look too";
}

TEST_F(LeaseTest, WhoseClockIsBehindDoesNotMoveCursorsBack) {
  const auto alone = member(30s);
  const auto plan_through = [](RunStore& store, Timestamp time) {
    const std::array cursors{Cursor{"a", time, ""}, Cursor{"b", kNoon, ""}};
    EXPECT_TRUE(store.plan(cursors, {}, kNoon));
    return store.cursor("a").value()->planned_through;
  };
  EXPECT_EQ(plan_through(*alone, kNoon), kNoon);
  EXPECT_EQ(plan_through(*alone, kNoon - 1h), kNoon - 1h) << "it knows best";
  auto other = member(30s);
  EXPECT_EQ(plan_through(*other, kNoon), kNoon);
  EXPECT_EQ(plan_through(*alone, kNoon - 1h), kNoon);
  EXPECT_EQ(plan_through(*alone, kNoon + 1s), kNoon + 1s);
  other.reset();
  EXPECT_EQ(plan_through(*alone, kNoon - 1h), kNoon - 1h);
}

// As where a job is disabled on a machine whose clock is behind.
TEST_F(LeaseTest, AMemberWhoseClockIsBehindChangesATimetableAllTheSame) {
  const auto one = member(30s);
  const auto other = member(30s);
  const Cursor ahead{"a", kNoon, "* * * * * UTC"};
  ASSERT_TRUE(one->plan({&ahead, 1}, {}, kNoon));
  const Cursor behind{"a", kNoon - 20s, "off"};
  ASSERT_TRUE(other->plan({&behind, 1}, {}, kNoon));
  EXPECT_EQ(one->cursor("a").value(), (Cursor{"a", kNoon, "off"}));
}

TEST_F(LeaseTest, ACursorIsForgottenOnlyOnceNoOtherHasTheJob) {
  const auto one = member(30s);
  auto other = member(30s);
  ASSERT_TRUE(one->group()->set_jobs({{"a", "1"}}));
  ASSERT_TRUE(other->group()->set_jobs({{"a", "1"}}));
  const Cursor cursor{"a", kNoon, "off"};
  const std::array removed{std::string("a")};
  ASSERT_TRUE(one->plan({&cursor, 1}, {}, kNoon));
  ASSERT_TRUE(one->group()->set_jobs({}));
  ASSERT_TRUE(one->forget_cursors(removed));
  EXPECT_EQ(one->cursor("a").value(), cursor) << "the other plans on";
  ASSERT_TRUE(other->forget_cursors(removed));
  EXPECT_EQ(one->cursor("a").value(), std::nullopt);
}

TEST_F(LeaseTest, MembersAreListed) {
  const auto store = member(30s);
  plan(*store, "a");
  ASSERT_EQ(claim(*store).size(), 1U);
  const auto command = RunStore::open_beside(database.location(), "status").value();
  const auto members = command->group()->members().value();
  ASSERT_EQ(members.size(), 1U);
  EXPECT_EQ(members[0].process, getpid());
  EXPECT_EQ(members[0].at_work_on, 1);
  EXPECT_GT(members[0].lease_left, 20s);
}

}  // namespace
}  // namespace mig_runner::store

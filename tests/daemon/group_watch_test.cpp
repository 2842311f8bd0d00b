// What a runner tells its operator about the group.

#include "daemon/group_watch.h"

#include <gtest/gtest.h>

#include "stages/stand.h"
#include "store/administration.h"
#include "support/postgresql_server.h"
#include "support/set_clock.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using daemon::GroupWatch;

struct GroupWatchTest : testing::Test {
  // A member with these jobs, and the bytes that the hash of their files is of.
  struct Member {
    Member(const std::string& uri, const std::map<std::string, std::uint8_t>& hashes,
           const Clock& clock = system_clock())
        : store(std::move(
              store::RunStore::open(store::Location::parse(uri, "/srv/state/runs.db").value(), "", {}, 30s, clock)
                  ->store)) {
      set(hashes);
    }
    void set(const std::map<std::string, std::uint8_t>& hashes) {
      for (const auto& [name, byte] : hashes) {
        spool::ContentHash hash{};
        hash.fill(byte);
        auto job = spool::Job{name,
                              {},
                              cron::Schedule::parse("* * * * *").value(),
                              cron::Zone::find("UTC").value(),
                              R"({"target":"a","operations":[{"module":"pkg","parameters":{}}]})",
                              hash};
        jobs.put(std::make_shared<spool::Job>(std::move(job)));
      }
      watch.tell_jobs();
    }
    bool look() { return watch.look(now += 500ms); }
    bool look_much_later() { return watch.look(now += GroupWatch::kComparison); }

    GroupWatch::Moment now{};
    std::unique_ptr<store::RunStore> store;
    stages::JobRegistry jobs;
    RecordingLog log;
    ScratchDirectory tree;
    GroupWatch watch{*store, jobs, tree.path(), log, now};
  };

  GroupWatchTest() : uri(server.uri(database)) { EXPECT_TRUE(make_schema(store::Location::parse(uri, "").value())); }

  PostgresqlServer& server = PostgresqlServer::shared();
  const std::string database = server.new_database();
  const std::string uri;
};

TEST_F(GroupWatchTest, ThatTheGroupCannotBeToldOfJobsIsSaidOnce) {
  Member one(uri, {{"a", 1}});
  server.query(database, "ALTER TABLE member_jobs RENAME TO gone");
  one.set({{"b", 1}});
  one.look();
  one.look();
  EXPECT_EQ(one.log.count("The group cannot be told which jobs this runner has: "), 1) << one.log.all();
  server.query(database, "ALTER TABLE gone RENAME TO member_jobs");
  one.look();
  EXPECT_EQ(one.log.count("The group knows which jobs this runner has."), 1) << one.log.all();
}

TEST_F(GroupWatchTest, SaysNothingWhereAllIsWell) {
  Member one(uri, {{"a", 1}});
  Member two(uri, {{"a", 1}});
  EXPECT_FALSE(one.look());
  EXPECT_TRUE(one.look_much_later());
  EXPECT_TRUE(two.look_much_later());
  EXPECT_TRUE(one.log.lines.empty()) << one.log.all();
  EXPECT_TRUE(two.log.lines.empty()) << two.log.all();
}

TEST_F(GroupWatchTest, WarnsOnceOfEachJobThatDiffers) {
  Member one(uri, {{"a", 1}, {"b", 0x12}});
  Member two(uri, {{"b", 0xab}, {"same", 1}});
  one.set({{"same", 1}});
  one.look();
  EXPECT_TRUE(one.log.lines.empty()) << "configuration management needs a while";
  one.look_much_later();
  EXPECT_EQ(one.log.lines.size(), 2U) << one.log.all();
  EXPECT_EQ(one.log.count("warning a: the runners of the group differ: "), 1) << one.log.all();
  EXPECT_EQ(one.log.count(" does not have it"), 1);
  EXPECT_EQ(one.log.count(" has version 12121212"), 1);
  EXPECT_EQ(one.log.count(" has version abababab"), 1);
  one.look_much_later();
  EXPECT_EQ(one.log.lines.size(), 2U) << "once";
  two.set({{"a", 1}, {"b", 0x12}});
  one.look_much_later();
  two.set({{"a", 2}});
  one.look_much_later();
  EXPECT_EQ(one.log.lines.size(), 3U) << "it agreed meanwhile\n" << one.log.all();
}

TEST_F(GroupWatchTest, DoesNotTellThousandsOneByOne) {
  std::map<std::string, std::uint8_t> jobs;
  for (int i = 0; i < 50; ++i) jobs.emplace("job-" + std::to_string(i), 1);
  Member one(uri, jobs);
  Member two(uri, {});
  one.look_much_later();
  EXPECT_EQ(one.log.lines.size(), 11U) << one.log.all();
  EXPECT_EQ(one.log.count("The runners of the group differ in 40 more jobs; `mig-runner status --json` lists them"), 1);
  one.look_much_later();
  EXPECT_EQ(one.log.lines.size(), 11U) << "once";
}

TEST_F(GroupWatchTest, WarnsOfAClockThatIsOff) {
  SetClock clock;
  Member one(uri, {}, clock);
  const auto set_by = [&](std::chrono::milliseconds time) {
    clock.set_by(time);
    return one.look();
  };
  EXPECT_FALSE(set_by(4s));
  EXPECT_TRUE(one.log.lines.empty()) << one.log.all();
  EXPECT_TRUE(set_by(60500ms)) << "others do its work";
  EXPECT_FALSE(set_by(60500ms));
  EXPECT_EQ(one.log.lines.size(), 1U) << "once";
  EXPECT_EQ(one.log.count("This machine's clock is 60 s ahead of the database's: set it"), 1) << one.log.all();
  EXPECT_TRUE(set_by(20s)) << "it may work again";
  EXPECT_EQ(one.log.lines.size(), 1U) << "but is off as before";
  EXPECT_FALSE(set_by(0s));
  EXPECT_EQ(one.log.count("This machine's clock and the database's agree again"), 1);
  EXPECT_TRUE(set_by(-60s));
  EXPECT_EQ(one.log.count(" s behind the database's"), 1) << one.log.all();
}

TEST_F(GroupWatchTest, WarnsOfAnotherOfTheSameName) {
  Member one(uri, {});
  Member killed(uri, {});
  const auto renew = [&](const std::string& which) {
    server.query(database, "UPDATE members SET lease_until = lease_until + interval '2 min' " + which);
  };
  one.look_much_later();
  renew("WHERE id = (SELECT id FROM members ORDER BY started, id LIMIT 1)");
  one.look_much_later();
  EXPECT_EQ(one.log.count("names itself"), 0) << "its predecessor does so until its lease ends\n" << one.log.all();
  renew("");
  one.look_much_later();
  one.look_much_later();
  EXPECT_EQ(one.log.count("Another runner of the group names itself " + one.store->group()->tree() + " too"), 1)
      << one.log.all();
}

TEST_F(GroupWatchTest, TellsThatTheLeaseEnded) {
  Member one(uri, {{"a", 1}});
  one.look();
  server.query(database, "DELETE FROM members");
  EXPECT_FALSE(one.store->claim(std::array{store::RunState::due}, {}, 1)) << "it sees that it is no member any more";
  EXPECT_TRUE(one.store->counts()) << "and becomes one again";
  one.look();
  EXPECT_EQ(one.log.count("This runner's lease ended"), 1) << one.log.all();
  EXPECT_EQ(server.query(database, "SELECT count(*) FROM member_jobs"), "1\n") << "its jobs are known again";
}

TEST_F(GroupWatchTest, LeavesToOthersWhatItMayNotLaunch) {
  Member one(uri, {{"a", 1}, {"b", 1}});
  Member two(uri, {{"a", 1}, {"b", 1}});
  const auto job = one.tree.path() / "runners" / "a";
  write_text(job / "entity.cfg", "");
  std::filesystem::permissions(job, std::filesystem::perms::all);
  one.jobs.set_objection(*one.jobs.find("a"), "everybody may write to it");  // as a launcher finds
  const auto known = [&] { return server.query(database, "SELECT count(*) FROM member_jobs"); };
  EXPECT_EQ(known(), "4\n");
  one.look_much_later();
  EXPECT_EQ(known(), "3\n");
  EXPECT_EQ(one.log.count("a: the runners of the group differ: "), 1) << one.log.all();
  std::filesystem::permissions(job, std::filesystem::perms::owner_all);
  one.look_much_later();
  EXPECT_EQ(known(), "4\n");
  EXPECT_EQ(one.jobs.objection(*one.jobs.find("a")), "");
}

TEST(GroupWatchAlone, HasNobodyToWatch) {
  Stand stand;
  GroupWatch watch(*stand.store, stand.jobs, stand.directory.path(), stand.log, {});
  watch.tell_jobs();
  EXPECT_FALSE(watch.look(GroupWatch::Moment{} + 1h));
  EXPECT_TRUE(stand.log.lines.empty());
}

}  // namespace
}  // namespace mig_runner::test

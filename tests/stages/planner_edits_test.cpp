// An edit of a job's timetable (schedule, zone, enabled) counts from the moment at which it is seen.

#include <gmock/gmock.h>

#include <random>
#include <set>

#include "stages/planner_stand.h"
#include "support/sqlite_connection.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using store::RunState;

config::JobConfig disabled() {
  return with([](auto& settings) {
    settings.catchup = config::CatchUp::latest;
    settings.enabled = false;
  });
}

// What a job is planned by before the runner stops, and what it is found with 75 minutes later.
struct Edit {
  const char* what;
  spool::JobPtr before, after;
};

std::vector<Edit> edits(Stand& stand) {
  return {
      {"schedule", stand.make_job("disk", "0 12 * * *", catching_up()),
       stand.make_job("disk", "0 9 * * *", catching_up())},
      {"zone", stand.make_job("disk", "0 9 * * *", catching_up(), "America/New_York"),
       stand.make_job("disk", "0 9 * * *", catching_up(), "UTC")},
      {"enabled", stand.make_job("disk", "0 9 * * *", disabled()), stand.make_job("disk", "0 9 * * *", catching_up())},
  };
}

TEST(PlannerEdits, OverARestartCountFromThenOn) {
  Stand names;
  for (const auto& [what, before, after] : edits(names)) {
    Stand stand;
    stand.start(before);
    stand.clock.set(at("2026-11-23T09:15:30Z"));
    stand.restart();
    stand.start(after);
    stand.settle();
    EXPECT_TRUE(stand.history().empty()) << what << "\n" << stand.log.all();
    stand.pass(24h, 1min);
    EXPECT_EQ(stand.api.posts, 1) << what;
  }
}

TEST(PlannerEdits, WhileTheRunnerRunsCountFromThenOnAlsoAfterARestart) {
  Stand names;
  for (const auto& [what, before, after] : edits(names)) {
    Stand stand;
    stand.start(before);
    stand.clock.set(at("2026-11-23T09:15:30Z"));
    stand.put(after);
    stand.settle();
    stand.restart();
    stand.start(after);
    stand.settle();
    EXPECT_TRUE(stand.history().empty()) << what << "\n" << stand.log.all();
    stand.clock.set(at("2026-11-24T09:15:30Z"));
    stand.restart();
    stand.start(after);
    stand.settle();
    EXPECT_EQ(stand.api.posts, 1) << what << ": what is missed since then is caught up";
  }
}

// Else what is missed would be lost whenever an action is edited.
TEST(PlannerEdits, OfAnythingElseLeaveTheTimesAsTheyAre) {
  Stand stand;
  stand.start(stand.make_job("disk", "0  9 * *\t*"));
  stand.clock.set(at("2026-11-23T09:15:30Z"));
  stand.restart();
  auto config = catching_up();
  config.plugin = "mail";
  stand.plugin("mail", "cat >/dev/null");
  stand.start(stand.make_job("disk", " 0 9 * * *", config));
  stand.settle();
  EXPECT_EQ(stand.api.posts, 1);
}

// The database was away when the time came, and the plugin is changed before it is back.
TEST(PlannerEdits, OfAnythingElseLoseNoTimeThatWasNotPlannedYet) {
  Stand stand;
  stand.start(stand.make_job("disk", "0 9 * * *"));
  const auto path = stand.location.file.string();
  execute(path, "ALTER TABLE jobs RENAME TO gone");
  stand.clock.set(at("2026-11-23T09:00:10Z"));
  stand.put(stand.make_job("disk", "0 9 * * *", catching_up()));
  execute(path, "ALTER TABLE gone RENAME TO jobs");
  stand.clock.set(at("2026-11-23T09:00:20Z"));
  stand.settle();
  EXPECT_EQ(stand.history().size(), 1U) << stand.log.all();
}

// A record that takes no plans while `lost`.
struct UnwritableStand : Stand {
  UnwritableStand() {
    store->launch_only_if([this]() -> Result<void> {
      if (lost) return fail("it was replaced", "state", Retry::later);
      return {};
    });
  }
  void remove(const std::string& name) {
    jobs.remove(name);
    stages->planner.remove(name, clock.now());
  }
  bool lost = false;
};

TEST(PlannerEdits, OfATimetableLoseNoTimeThatWasDueAndCouldNotBeWritten) {
  UnwritableStand stand;
  stand.start(stand.make_job("disk", "0 9 * * *"));
  stand.lost = true;
  stand.clock.set(at("2026-11-23T09:00:10Z"));
  stand.put(stand.make_job("disk", "0 12 * * *"));
  stand.advance(5s);
  EXPECT_EQ(stand.history().size(), 0U);
  stand.lost = false;
  stand.pass(10s);
  ASSERT_EQ(stand.history().size(), 1U) << stand.log.all();
  EXPECT_EQ(stand.history()[0].name(), "disk@2026-11-23T09:00:00Z");
  EXPECT_EQ(stand.log.count("Runs can be planned again: 1 run had waited."), 1) << stand.log.all();
  stand.pass(24h, 1min);
  EXPECT_EQ(stand.history().size(), 2U);
  EXPECT_EQ(stand.api.posts, 2);
}

// The record cannot be read either.
TEST(PlannerEdits, OfATimetableLoseNoTimeWhileTheRecordIsAway) {
  Stand stand;
  stand.start(stand.make_job("disk", "0 9 * * *"));
  const auto path = stand.location.file.string();
  execute(path, "ALTER TABLE jobs RENAME TO gone");
  stand.clock.set(at("2026-11-23T09:00:10Z"));
  const auto changed = stand.make_job("disk", "0 12 * * *");
  stand.jobs.put(changed);
  stand.stages->planner.put(changed, stand.clock.now());
  execute(path, "ALTER TABLE gone RENAME TO jobs");
  stand.advance(10s);
  ASSERT_EQ(stand.history().size(), 1U) << stand.log.all();
  EXPECT_EQ(stand.api.posts, 1);
}

TEST(PlannerEdits, ARemovedJobLeavesWhatWasDueAndCouldNotBeWritten) {
  UnwritableStand stand;
  const auto job = stand.make_job("disk", "0 9 * * *", catching_up());
  stand.start(job);
  stand.lost = true;
  stand.clock.set(at("2026-11-23T09:00:10Z"));
  stand.remove("disk");
  stand.lost = false;
  stand.advance(10s);
  ASSERT_EQ(stand.history().size(), 1U) << stand.log.all();
  EXPECT_EQ(stand.history()[0].reason, "its job was removed before it was launched");
  stand.clock.set(at("2026-11-24T09:30:00Z"));
  stand.put(job);
  stand.settle();
  EXPECT_EQ(stand.history().size(), 1U) << "it begins anew";
}

// Two edits and an hour later: each form's times are recorded with the reason, and only the newest is caught up.
TEST(PlannerEdits, ThatCouldNotBeWrittenAreCaughtUpOnce) {
  for (const bool catches_up : {false, true}) {
    UnwritableStand stand;
    const auto config = catches_up ? catching_up() : config::JobConfig();
    stand.start(stand.make_job("disk", "0,5 9 * * *", config));
    stand.lost = true;
    stand.clock.set(at("2026-11-23T09:10:00Z"));
    stand.put(stand.make_job("disk", "20 9 * * *", config));
    stand.clock.set(at("2026-11-23T09:30:00Z"));
    stand.put(stand.make_job("disk", "0 12 * * *", config));
    stand.clock.set(at("2026-11-23T10:30:00Z"));
    stand.lost = false;
    stand.settle();
    ASSERT_EQ(stand.history().size(), 2U) << stand.log.all();
    EXPECT_EQ(stand.history()[0].name(), "disk@2026-11-23T09:20:00Z");
    EXPECT_EQ(stand.history()[1].name(), "disk@2026-11-23T09:05:00Z");
    EXPECT_EQ(stand.history()[1].state, RunState::missed);
    EXPECT_EQ(stand.history()[1].reason,
              "runs could not be planned at its time (state: it was replaced), nor at 1 time before it");
    EXPECT_EQ(stand.count(RunState::missed), catches_up ? 1 : 2);
    EXPECT_EQ(stand.api.posts, catches_up ? 1 : 0);
    stand.settle();
    EXPECT_EQ(stand.history().size(), 2U);
  }
}

TEST(PlannerEdits, OfAPausedJobKeepWhatWasDueBeforeThePause) {
  for (const auto* order : {"edit, pause", "pause, edit", "pause, remove"}) {
    UnwritableStand stand;
    stand.start(stand.make_job("disk", "0,5 9 * * *"));
    stand.lost = true;
    stand.clock.set(at("2026-11-23T09:00:10Z"));
    const auto edit = [&] { stand.put(stand.make_job("disk", "0 12 * * *")); };
    const auto pause = [&] { stand.stages->planner.set_paused({{"disk", {stand.clock.now()}}}); };
    if (order == std::string("edit, pause")) edit();
    pause();
    stand.clock.set(at("2026-11-23T09:06:00Z"));
    if (order == std::string("pause, edit")) edit();
    if (order == std::string("pause, remove")) stand.remove("disk");
    stand.lost = false;
    stand.advance(10min);
    ASSERT_EQ(stand.history().size(), 1U) << order << "\n" << stand.log.all();
    EXPECT_EQ(stand.history()[0].name(), "disk@2026-11-23T09:00:00Z");
    EXPECT_EQ(stand.history()[0].state, RunState::missed);
    EXPECT_THAT(stand.history()[0].reason, testing::StartsWith("runs could not be planned at its time"));
    stand.stages->planner.set_paused({});
    stand.settle();
    EXPECT_EQ(stand.history().size(), 1U) << order;
  }
}

// A member that gets a job while the database is away.
TEST(PlannerEdits, AJobThatAppearsWhileItsCursorCannotBeReadLosesNoTime) {
  Stand stand;
  const auto job = stand.make_job("disk", "0 9 * * *", catching_up());
  stand.start(job);
  stand.clock.set(at("2026-11-23T09:05:00Z"));
  stand.restart();
  execute(stand.location.file, "ALTER TABLE jobs RENAME TO gone");
  stand.put(job);
  stand.advance(5s);
  EXPECT_EQ(stand.api.posts, 0);
  execute(stand.location.file, "ALTER TABLE gone RENAME TO jobs");
  stand.advance(5s);
  EXPECT_EQ(stand.api.posts, 1) << stand.log.all();
}

// By the clock as it is now the edit came before those times.
TEST(PlannerEdits, BeforeAClockThatGoesBackLeaveNoTimesOfTheOldForm) {
  UnwritableStand stand;
  stand.start(stand.make_job("disk", "0 9 * * *"));
  stand.lost = true;
  stand.clock.set(at("2026-11-23T09:00:10Z"));
  stand.put(stand.make_job("disk", "0 12 * * *"));
  stand.clock.set(at("2026-11-23T08:30:00Z"));
  stand.lost = false;
  stand.pass(4h, 1min);
  ASSERT_EQ(stand.history().size(), 1U) << stand.log.all();
  EXPECT_EQ(stand.history()[0].name(), "disk@2026-11-23T12:00:00Z");
}

TEST(PlannerEdits, AJobThatWasRemovedBeginsAnewWhenItIsPutBackOverARestart) {
  Stand stand;
  const auto job = stand.make_job("disk", "0 9 * * *", catching_up());
  stand.start(job);
  stand.stages->planner.remove("disk", stand.clock.now());
  stand.settle();
  stand.clock.set(at("2026-11-23T09:15:30Z"));
  stand.restart();
  stand.start(job);
  stand.settle();
  EXPECT_TRUE(stand.history().empty()) << stand.log.all();
  stand.clock.set(at("2026-11-24T09:15:30Z"));
  stand.restart();
  stand.start(job);
  stand.settle();
  EXPECT_EQ(stand.api.posts, 1);
}

TEST(PlannerEdits, AJobThatIsGoneAtAStartBeginsAnewLater) {
  Stand stand;
  const auto job = stand.make_job("disk", "0 9 * * *", catching_up());
  const auto unreadable = stand.make_job("unreadable", "0 9 * * *", catching_up());
  stand.start(job);
  stand.start(unreadable);
  stand.restart();
  stand.stages->planner.remove_unless_started([](const std::string& name) { return name == "disk"; });
  stand.settle();
  stand.clock.set(at("2026-11-23T09:15:30Z"));
  stand.restart();
  stand.start(job);
  stand.start(unreadable);
  stand.settle();
  EXPECT_TRUE(stand.history("disk").empty()) << stand.log.all();
  EXPECT_EQ(stand.history("unreadable").size(), 1U) << "an error is not an absence";
}

TEST(PlannerEdits, AJobThatCannotBeReadAtAStartLosesNoTime) {
  for (const auto* later : {"2026-11-23T09:05:00Z", "2026-11-23T09:15:00Z"}) {
    Stand stand;
    const auto job = stand.make_job("disk", "0 9 * * *", catching_up());
    stand.start(job);
    stand.restart();
    stand.stages->planner.remove_unless_started([](const auto&) { return false; });
    stand.settle();
    stand.clock.set(at(later));
    stand.put(job);
    stand.settle();
    EXPECT_EQ(stand.api.posts, later == std::string("2026-11-23T09:05:00Z") ? 1 : 0) << later;
  }
}

TEST(PlannerEdits, AJobThatIsRemovedAndPutBackAtOnceBeginsAnew) {
  Stand stand;
  const auto job = stand.make_job("disk", "0 9 * * *", catching_up());
  stand.start(job);
  stand.stages->planner.remove("disk", stand.clock.now());
  stand.clock.set(at("2026-11-23T09:05:00Z"));
  stand.put(job);
  stand.settle();
  EXPECT_TRUE(stand.history().empty()) << stand.log.all();
}

TEST(PlannerEdits, AJobThatComesBackAtOnceIsNotForgotten) {
  Stand stand;
  const auto job = stand.make_job("disk", "0 9 * * *", catching_up());
  stand.start(job);
  stand.stages->planner.remove("disk", stand.clock.now());
  stand.put(job);
  stand.clock.set(at("2026-11-23T09:15:30Z"));
  stand.restart();
  stand.start(job);
  stand.settle();
  EXPECT_EQ(stand.api.posts, 1);
}

TEST(PlannerEdits, ARecordWithoutTimetablesCountsAsOfTheJobsAsTheyAre) {
  Stand stand;
  const auto job = stand.make_job("disk", "0 9 * * *", catching_up());
  stand.start(job);
  execute(stand.location.file, "UPDATE jobs SET timetable = ''");
  stand.restart();
  stand.start(job);
  stand.clock.set(at("2026-11-23T09:15:30Z"));
  stand.restart();
  stand.start(stand.make_job("disk", "10 9 * * *", catching_up()));
  stand.settle();
  EXPECT_TRUE(stand.history().empty()) << "written at the first start";
  execute(stand.location.file, "UPDATE jobs SET timetable = ''");
  stand.clock.set(at("2026-11-24T09:15:30Z"));
  stand.restart();
  stand.start(job);
  stand.settle();
  EXPECT_EQ(stand.api.posts, 1);
}

TEST(PlannerEdits, InTheHalfSecondBeforeATimeWithdrawIt) {
  for (const auto* schedule : {"2 8 * * *", "*/1 8 * * *"}) {
    Stand stand("2026-11-23T08:00:59.7Z");
    stand.start(stand.make_job("disk", "1 8 * * *"));
    stand.settle();
    ASSERT_EQ(stand.history().size(), 1U);
    stand.put(stand.make_job("disk", schedule));
    stand.advance(1s);
    const bool stays = std::string(schedule) == "*/1 8 * * *";
    EXPECT_EQ(stand.api.posts, stays ? 1 : 0) << schedule;
    EXPECT_EQ(stand.history().front().reason, stays ? "" : "its schedule was changed before its time");
    stand.advance(1min);
    EXPECT_EQ(stand.api.posts, stays ? 2 : 1) << schedule;
  }
}

TEST(PlannerEdits, NewRulesOfAZoneCountFromThenOn) {
  const ScratchDirectory zones;
  setenv("TZDIR", zones.path().c_str(), 1);
  const auto put = [&](const std::string& real) {
    std::filesystem::copy_file("/usr/share/zoneinfo/" + real, zones.path() / "new");
    std::filesystem::rename(zones.path() / "new", zones.path() / "Here");
  };
  put("Europe/Berlin");
  Stand stand("2026-11-23T06:30:30Z");
  stand.start(stand.make_job("disk", "0 9 * * *", catching_up(), "Here"));
  put("Europe/Helsinki");
  stand.clock.set(at("2026-11-23T07:30:00Z"));  // 08:30 by the old rules, 09:30 by the new ones
  const auto changes = cron::renew_zones();
  stand.put(stand.make_job("disk", "0 9 * * *", catching_up(), "Here"));
  stand.settle();
  EXPECT_EQ(changes.size(), 1U);
  EXPECT_TRUE(stand.history().empty()) << stand.log.all();
  stand.pass(24h, 1min);
  EXPECT_EQ(stand.history().front().name(), "disk@2026-11-24T07:00:00Z");
  unsetenv("TZDIR");
}

// One job under all that the operator, the clock and the record may do to it. The model: at each instant of the clock
// the job's times are those of the files as they are then.
class RandomLife {
 public:
  explicit RandomLife(unsigned seed) : random_(seed) {}

  void run() {
    edit();
    start();
    for (int i = 0; i < 40 && !testing::Test::HasFailure(); ++i) {
      act();
      check();
    }
  }

 private:
  void plan() { stand_.stages->planner.step(stand_.clock.now()); }
  int any(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

  void edit() {
    static constexpr std::array kSchedules{"*/7 * * * *", "*/10 * * * *", "13 * * * *", "0 9,10,11 * * *", "@daily"};
    static constexpr std::array kZones{"UTC", "Europe/Berlin", "Asia/Kathmandu"};
    auto config = any(2) == 0 ? config::JobConfig() : catching_up();
    config.settings.enabled = any(4) != 0;
    config.settings.overlap = any(2) == 0 ? config::Overlap::allow : config::Overlap::forbid;
    exists_ = any(3) != 0;
    if (any(2) == 0) schedule_ = kSchedules[static_cast<std::size_t>(any(kSchedules.size()))];
    if (any(3) == 0) zone_ = kZones[static_cast<std::size_t>(any(kZones.size()))];
    job_ = stand_.make_job("disk", schedule_, config, zone_);
    told_ += " [" + (exists_ ? job_->config.schedule + ' ' + job_->zone.name() : "removed") +
             (config.settings.enabled ? "]" : " off]");
  }

  // On the way from `from` on, with the files as they are.
  void pass(std::chrono::milliseconds time) {
    const auto from = stand_.clock.now();
    if (exists_ && job_->config.settings.enabled)
      for (auto next = job_->schedule.next(from, job_->zone); next && *next <= from + time;
           next = job_->schedule.next(*next, job_->zone))
        times_.insert(*next);
    stand_.clock.advance(time);
    latest_ = std::max(latest_, stand_.clock.now());
    told_ += " +" + std::to_string(time / 1s) + "s";
  }
  void pass_live(std::chrono::milliseconds time) {
    const auto end = stand_.clock.now() + time;
    while (stand_.clock.now() < end) {
      const auto known = std::max(latest_, stand_.clock.now());
      pass(std::min<std::chrono::milliseconds>(1min, end - stand_.clock.now()));
      if (exists_ && job_->config.settings.enabled) see(known);
      plan();
    }
  }

  // The times of the job after `known`, which the clock has not shown before: others may count as planned.
  void see(Timestamp known) {
    for (auto next = job_->schedule.next(known, job_->zone); next && *next <= stand_.clock.now();
         next = job_->schedule.next(*next, job_->zone))
      seen_.insert(*next);
  }

  void start() {
    told_ += " start";
    if (stand_.lost) seen_.clear();  // of these only the runner that ends knew
    stand_.restart();
    stand_.lost = false;  // the new store works
    if (exists_) {
      stand_.start(job_);
    } else {
      stand_.stages->planner.remove_unless_started([](const auto&) { return true; });
    }
    plan();
  }

  void act() {
    switch (any(7)) {
      case 0:  // nothing but time
        return pass_live(std::chrono::minutes(1 + any(90)));
      case 1:  // an edit that the runner sees
        edit();
        if (exists_) {
          stand_.put(job_);
        } else {
          stand_.jobs.remove("disk");
          stand_.stages->planner.remove("disk", stand_.clock.now());
        }
        return plan();
      case 2:  // stopped for a while
        pass(std::chrono::minutes(any(200)));
        return start();
      case 3:  // edited meanwhile; SIGHUP with another default zone where no time passes
        pass(std::chrono::minutes(any(3) * 40));
        edit();
        pass(std::chrono::minutes(any(3) * 40));
        return start();
      case 4:  // the machine sleeps, or its clock is set forward: the times between count for the job as it is
        pass(std::chrono::minutes(any(300)));
        return plan();
      case 5:
        stand_.lost = !stand_.lost;
        told_ += stand_.lost ? " lost" : " found";
        return plan();
      default:
        stand_.clock.advance(-std::chrono::minutes(any(300)));
        told_ += " back";
        return any(2) == 0 ? start() : plan();
    }
  }

  void check() {
    const auto history = stand_.store->history("", 100'000).value();
    std::set<Timestamp> recorded;
    for (const auto& run : history) recorded.insert(run.nominal);
    if (!stand_.lost) {
      for (const auto time : seen_) EXPECT_TRUE(recorded.contains(time)) << format_utc(time) << " has no run:" << told_;
    }
    for (const auto& run : history)
      EXPECT_TRUE(times_.contains(run.nominal))
          << run.name() << " (" << store::state_name(run.state) << ") was no time of the job:" << told_;
  }

  UnwritableStand stand_;
  std::mt19937 random_;
  std::string schedule_ = "*/7 * * * *", zone_ = "UTC";
  spool::JobPtr job_;
  bool exists_ = true;
  std::set<Timestamp> times_;
  Timestamp latest_{};        // that the clock has shown
  std::set<Timestamp> seen_;  // of these: while the runner was at work
  std::string told_;
};

TEST(PlannerEdits, NeverMakeATimeThatWasNone) {
  for (unsigned seed = 0; seed < 25 && !HasFailure(); ++seed) RandomLife(seed).run();
}

}  // namespace
}  // namespace mig_runner::test

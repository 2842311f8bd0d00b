// What an answer to a post proves decides what is posted next: at most one action of a run is ever stored, and none
// that is stored is reported as not launched.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>

#include "stages/stand.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using Reply = FakeApi::Reply;
using Stores = FakeApi::Reply::Stores;
using store::RunState;
using testing::HasSubstr;
using testing::StartsWith;

constexpr auto kBadSignature = "VerifySignatures() -> openpgp: invalid signature: RSA verification failure";
constexpr auto kNotDone = "Failed to store signature: 'pq: permission denied for table signatures'";

// A job due at 08:01:00, and the clock just past it.
struct OutcomeStand : Stand {
  explicit OutcomeStand(std::initializer_list<Reply> met, config::JobConfig config = {}) {
    api.replies = met;
    start(make_job("disk", "1 8 * * *", std::move(config)));
    clock.set(at("2026-11-23T08:01:00Z"));
    settle();
  }
  store::Run run() { return history("disk").front(); }
};

// PostgreSQL refuses the INSERT of the signature: the action is there, and agents get it.
TEST(LaunchOutcome, AnActionThatIsStoredBehindA500IsFoundAndNotPostedAgain) {
  OutcomeStand stand({{Stores::yes, FakeApi::error(500, kNotDone)}});
  EXPECT_EQ(stand.run().state, RunState::unknown);
  stand.pass(2min);
  EXPECT_EQ(stand.run().state, RunState::posted);
  EXPECT_EQ(stand.run().action_id, stand.api.actions.at(0).id);
  EXPECT_EQ(stand.api.posts, 1);
}

TEST(LaunchOutcome, A500OfTheDatabaseIsPostedAgainOnceTheApiSurelyLacksTheAction) {
  OutcomeStand stand({{Stores::no, FakeApi::error(500, "pq: the database system is shutting down")}});
  stand.pass(14s);
  EXPECT_EQ(stand.api.posts, 1);
  stand.pass(1min);
  EXPECT_EQ(stand.run().state, RunState::posted);
  EXPECT_EQ(stand.api.posts, 2);
  EXPECT_EQ(stand.api.actions.size(), 1U);
}

TEST(LaunchOutcome, APageOfAProxySaysNothingOfTheAction) {
  for (const long status : {302, 400, 401, 403, 404, 405, 407, 413, 421, 429, 502, 503, 504}) {
    for (const auto stores : {Stores::yes, Stores::no}) {
      OutcomeStand stand({{stores, FakeApi::page(status)}});
      EXPECT_EQ(stand.run().state, RunState::unknown) << status;
      stand.pass(2min);
      EXPECT_EQ(stand.run().state, RunState::posted) << status << stand.log.all();
      EXPECT_EQ(stand.api.posts, stores == Stores::yes ? 1 : 2) << status;
      EXPECT_EQ(stand.api.actions.size(), 1U) << status;
    }
  }
}

TEST(LaunchOutcome, TriesGoOnUntilTheDeadlineAndSayWhatWasMet) {
  config::JobConfig config;
  config.settings.startdeadline = 10min;
  OutcomeStand stand({}, config);
  for (int i = 0; i < 100; ++i) stand.api.replies.push_back({Stores::no, FakeApi::page(403)});
  stand.api.actions.clear();
  stand.clock.set(at("2026-11-24T08:01:00Z"));
  stand.settle();
  stand.pass(15min, 5s);
  EXPECT_EQ(stand.run().state, RunState::missed);
  EXPECT_THAT(stand.run().reason, HasSubstr("an answer 403 of a proxy or another server"));
  EXPECT_GT(stand.api.posts, 4);
}

TEST(LaunchOutcome, ThePageIsObeyedThatAsksForTime) {
  OutcomeStand stand({{Stores::no, FakeApi::page(503, "300")}});
  stand.pass(4min + 50s);
  EXPECT_EQ(stand.api.searches, 0);
  stand.pass(1min);
  EXPECT_EQ(stand.run().state, RunState::posted);
}

TEST(LaunchOutcome, ThePageThatAsksForTimeIsObeyedUpToTheDeadline) {
  config::JobConfig config;
  config.settings.startdeadline = 10min;
  OutcomeStand stand({{Stores::yes, FakeApi::page(503, "86400")}}, config);
  stand.pass(9min + 20s);
  EXPECT_EQ(stand.run().state, RunState::unknown);
  stand.pass(20s);
  EXPECT_NE(stand.run().action_id, 0) << stand.log.all();
}

TEST(LaunchOutcome, WhatIsNotStoredIsPostedOnceMoreBeforeTheDeadline) {
  config::JobConfig config;
  config.settings.startdeadline = 10min;
  OutcomeStand stand({{Stores::no, FakeApi::page(503, "86400")}}, config);
  stand.pass(11min);
  EXPECT_EQ(stand.api.posts, 2);
  EXPECT_EQ(stand.run().state, RunState::posted) << stand.log.all();
}

TEST(LaunchOutcome, A202OfAnotherActionIsNotBelieved) {
  OutcomeStand stand({});
  const auto others = stand.api.actions.at(0);
  auto other = nlohmann::json::parse(others.document);
  other["id"] = others.id;
  const nlohmann::json item{{"href", ""}, {"data", {{{"name", "action ID 7001"}, {"value", other}}}}};
  const nlohmann::json answer{{"collection", {{"items", {item}}}}};
  for (const auto stores : {Stores::yes, Stores::no}) {
    stand.clock.advance(24h);
    const auto posts = stand.api.posts;
    stand.api.replies = {{stores, api::HttpAnswer{202, answer.dump(), ""}}};
    stand.clock.set(std::chrono::floor<std::chrono::days>(stand.clock.now()) + 8h + 1min);
    stand.settle();
    EXPECT_EQ(stand.run().state, RunState::unknown);
    stand.pass(2min);
    EXPECT_EQ(stand.run().state, RunState::posted);
    EXPECT_EQ(stand.run().action_id, stand.api.actions.back().id);
    EXPECT_NE(stand.run().action_id, others.id);
    EXPECT_EQ(stand.api.posts - posts, stores == Stores::yes ? 1 : 2);
  }
}

TEST(LaunchOutcome, ARefusedSignatureIsMadeAnewOnce) {
  OutcomeStand stand({{Stores::no, FakeApi::error(500, kBadSignature)}});
  EXPECT_EQ(stand.run().state, RunState::due);
  EXPECT_THAT(stand.run().reason, StartsWith("the API cannot verify its signature"));
  stand.pass(10s);
  EXPECT_EQ(stand.run().state, RunState::posted);
  EXPECT_EQ(stand.api.posts, 2);
}

TEST(LaunchOutcome, ASignatureThatIsRefusedTwiceIsFinal) {
  OutcomeStand stand(
      {{Stores::no, FakeApi::error(500, kBadSignature)}, {Stores::no, FakeApi::error(500, kBadSignature)}});
  stand.pass(10min);
  EXPECT_EQ(stand.run().state, RunState::refused);
  EXPECT_THAT(stand.run().reason, HasSubstr("RSA verification failure"));
  EXPECT_EQ(stand.api.posts, 2);
}

// Jobs that launch once each, while everything happens that an API, a proxy and a machine can do.
class Chaos : public Stand {
 public:
  explicit Chaos(unsigned seed) : random_(seed) {
    for (int i = 0; i < kJobs; ++i) {
      config::JobConfig config;
      config.expiry = 1h;
      if (i % 2 == 1) config.settings.startdeadline = 2min;
      names_.push_back("job-" + std::to_string(i));
      restart_with(make_job(names_.back(), std::to_string(1 + i % 3) + " 8 * * *", config));
    }
    api.around_exchange = [this] {
      arrive();
      if (chance(0.03)) clock.advance(30s);
      if (chance(0.02)) throw std::runtime_error("killed");
    };
  }

  void run() {
    for (int second = 0; second < 300; ++second) {
      while (api.replies.size() < 20) api.replies.push_back(some_reply());
      api.down = chance(0.2);
      turn();
    }
    api.replies.clear();
    api.down = false;
    api.around_exchange = [this] { arrive(); };
    for (int i = 0; i < 60; ++i) {
      clock.advance(4s);
      turn();
    }
  }

  void check() {
    for (const auto& name : names_) {
      std::vector<std::int64_t> stored;
      for (const auto& action : api.actions)
        if (action.name == "mig-runner: " + name) stored.push_back(action.id);
      ASSERT_LE(stored.size(), 1U) << name << '\n' << log.all();
      const auto runs = history(name);
      ASSERT_EQ(runs.size(), 1U) << name;
      const auto& run = runs.front();
      EXPECT_EQ(run.action_id, stored.empty() ? 0 : stored.front()) << name << '\n' << log.all();
      if (stored.empty()) {
        EXPECT_TRUE(run.state == RunState::missed || run.state == RunState::refused) << name << ' ' << run.reason;
        ++not_launched;
      } else {
        EXPECT_EQ(run.state, RunState::posted) << name << ' ' << store::state_name(run.state) << ' ' << run.reason;
        ++launched;
      }
    }
  }

  int launched = 0, not_launched = 0, kills = 0;

 private:
  static constexpr int kJobs = 8;

  bool chance(double part) { return std::bernoulli_distribution(part)(random_); }

  void restart_with(const spool::JobPtr& job) {
    kept_.push_back(job);
    start(job);
  }

  // What is on its way to the API arrives within 14 seconds, whether or not the runner has given it up.
  void arrive() {
    while (due_.size() < api.lost.size())
      due_.push_back(clock.now() + std::chrono::seconds(std::uniform_int_distribution(0, 14)(random_)));
    for (std::size_t i = 0; i < due_.size(); ++i)
      if (due_[i] && *due_[i] <= clock.now()) {
        api.actions.push_back(api.lost[i]);
        due_[i].reset();
      }
  }

  void turn() {
    clock.advance(1s);
    arrive();
    try {
      settle();
    } catch (const std::runtime_error&) {
      ++kills;
      restart();
      for (const auto& job : kept_) start(job);
    }
  }

  Reply some_reply() {
    static const std::vector<api::HttpAnswer> unproven{
        FakeApi::error(500, kNotDone),
        FakeApi::error(500, "Failed to store action: 'pq: terminating connection due to administrator command'"),
        FakeApi::error(500, "getKeyring() -> makeKeyring() -> pq: sorry, too many clients already"),
        FakeApi::error(503, "going down"),
        FakeApi::page(200),
        FakeApi::page(302),
        FakeApi::page(401),
        FakeApi::page(403),
        FakeApi::page(404),
        FakeApi::page(413),
        FakeApi::page(429, "5"),
        FakeApi::page(502),
        FakeApi::page(202),
    };
    static const std::vector<api::HttpAnswer> proofs{
        FakeApi::error(500, kBadSignature), FakeApi::error(401, "API key authentication failed"),
        FakeApi::error(500, "VerifySignatures() -> dial tcp 127.0.0.1:5432: i/o timeout"),
        FakeApi::error(500, "action expireafter is in the past")};
    Reply reply;
    const auto pick = [&](const auto& list) {
      return list[std::uniform_int_distribution<std::size_t>(0, list.size() - 1)(random_)];
    };
    if (chance(0.2)) {
      reply.answer = pick(proofs);
      return reply;
    }
    reply.stores = static_cast<Stores>(std::uniform_int_distribution(0, 2)(random_));
    if (chance(0.7)) reply.answer = pick(unproven);
    return reply;
  }

  std::mt19937 random_;
  std::vector<std::string> names_;
  std::vector<spool::JobPtr> kept_;
  std::vector<std::optional<Timestamp>> due_;  // of api.lost: when each arrives
};

TEST(LaunchOutcome, AtMostOneActionOfARunIsStoredAndNoneThatIsStoredIsDenied) {
  int launched = 0, not_launched = 0, kills = 0, posts = 0;
  for (unsigned seed = 1; seed <= 40 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Chaos chaos(seed);
    chaos.run();
    chaos.check();
    launched += chaos.launched;
    not_launched += chaos.not_launched;
    kills += chaos.kills;
    posts += chaos.api.posts;
  }
  // It met what it is about.
  EXPECT_GT(launched, 100);
  EXPECT_GT(not_launched, 5);
  EXPECT_GT(kills, 40);
  EXPECT_GT(posts, launched + not_launched);
}

}  // namespace
}  // namespace mig_runner::test

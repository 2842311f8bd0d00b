// The runner dies at every point where its state changes or the world is touched: after each commit of the store, and
// before and after each exchange with the API. A new process then takes over. However it dies, the action is posted
// once, every result is there and is delivered.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "runner/stand.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using Post = FakeApi::Post;
using store::RunState;

struct Killed {};

struct Scenario {
  const char* name;
  std::vector<Post> script;
  RunState end = RunState::delivered;
  bool sendonly = false;
};

class CrashStand : public Stand {
 public:
  CrashStand(const Scenario& scenario, int dies_at) : dies_at_(dies_at) {
    api.script.assign(scenario.script.begin(), scenario.script.end());
    api.commands_per_action = 7;
    settings.page_size = 3;
    plugin("save", "cat >> received; echo >> received");
    config_.plugin = scenario.sendonly ? "" : "save";
    config_.sendonly = scenario.sendonly;
    watch();
    job_ = make_job("disk", "1 8 * * *", config_);
  }

  // Until well after the run's end; returns whether the runner died on the way.
  bool live() {
    bool died = false;
    alive([&] { start(job_); }, died);
    const auto end = clock.now() + 12min;
    while (clock.now() < end) alive([&] { advance(5s); }, died);
    return died;
  }

 private:
  void watch() {
    store->on_change([this](const store::Woken&) { point(); });
    api.around_exchange = [this] { point(); };
  }
  void point() {
    if (++points_ == dies_at_) throw Killed();
  }
  template <class Deed>
  void alive(Deed&& deed, bool& died) {
    try {
      deed();
    } catch (const Killed&) {
      died = true;
      restart();
      watch();
      start(job_);
    }
  }

  const int dies_at_;
  int points_ = 0;
  config::JobConfig config_;
  spool::JobPtr job_;
};

void expect_all_well(const Scenario& scenario, int dies_at, CrashStand& stand) {
  const auto where = std::string(scenario.name) + ", died at point " + std::to_string(dies_at) + "\n" + stand.log.all();
  ASSERT_EQ(stand.history("disk").size(), 1U) << where;
  const auto run = stand.history("disk").front();
  ASSERT_EQ(run.state, scenario.end) << where;
  ASSERT_EQ(stand.api.actions.size(), 1U) << where;
  if (scenario.sendonly) return;
  const auto document = nlohmann::json::parse(read_text(stand.directory.path() / run.result_file));
  std::set<std::int64_t> ids;
  for (const auto& command : document.at("commands")) ids.insert(command.at("id").get<std::int64_t>());
  ASSERT_EQ(ids.size(), 7U) << where;
  ASSERT_EQ(document.at("commands").size(), 7U) << where;
  ASSERT_FALSE(read_text(stand.directory.path() / "received").empty()) << where;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(stand.directory.path()))
    ASSERT_EQ(entry.path().string().find(".tmp-"), std::string::npos) << where;
}

class CrashPoints : public testing::TestWithParam<Scenario> {};

TEST_P(CrashPoints, NothingIsLostOrSentTwice) {
  int points = 0;
  for (int dies_at = 1;; ++dies_at) {
    CrashStand stand(GetParam(), dies_at);
    const bool died = stand.live();
    expect_all_well(GetParam(), dies_at, stand);
    if (HasFatalFailure()) return;
    if (!died) break;
    ++points;
  }
  EXPECT_GE(points, GetParam().sendonly ? 3 : 8) << "the points must be there to die at";
}

INSTANTIATE_TEST_SUITE_P(
    All, CrashPoints,
    testing::Values(Scenario{"plain", {}}, Scenario{"lost answer", {Post::lost_accepted}},
                    Scenario{"lost request", {Post::lost_not_accepted}},
                    Scenario{"api away at first", {Post::unavailable, Post::unavailable}},
                    Scenario{"lost request, then lost answer", {Post::lost_not_accepted, Post::lost_accepted}},
                    Scenario{"sendonly", {}, RunState::sent, true},
                    Scenario{"sendonly with a lost answer", {Post::lost_accepted}, RunState::sent, true}),
    [](const auto& scenario) {
      std::string name = scenario.param.name;
      std::erase_if(name, [](char c) { return c == ',' || c == ' '; });
      return name;
    });

}  // namespace
}  // namespace mig_runner::test

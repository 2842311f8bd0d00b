// The runner dies at every point where its state changes or the world is touched: after each commit of the store,
// before and after each exchange with the API, and after each line of its log, which stands between a deed and the
// commit that confirms it. A new process then takes over. However it dies, the action is posted once, every result is
// there and is delivered.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "faults/flushes.h"
#include "stages/adoption.h"
#include "stages/stand.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using Post = FakeApi::Post;
using store::RunState;

constexpr const char* kSave = "cat >> received; echo >> received";

struct Killed {};

struct Scenario {
  const char* name;
  std::vector<Post> script = {};
  RunState end = RunState::delivered;
  const char* plugin = kSave;
  bool sendonly = false;
  bool collected = true;     // the result is complete on disk at the end
  bool delivered = true;     // the plugin got it whole at least once
  std::size_t accepted = 1;  // actions at the API
  bool adopted = false;      // left in flight by an original runner, not launched
  const char* status = "completed";
  std::chrono::minutes short_list{0};   // so long the API lists 5 of 7 commands
  std::chrono::minutes late_answer{0};  // so long one of the commands stays without an answer
  bool no_commands = false;             // the API cannot list any
  int least_points = 8;
};

// For lists of tests.
void PrintTo(const Scenario& scenario, std::ostream* out) {
  *out << scenario.name;
}

class CrashStand : public Stand {
 public:
  CrashStand(const Scenario& scenario, int dies_at) : scenario_(scenario), dies_at_(dies_at) {
    api.script.assign(scenario.script.begin(), scenario.script.end());
    api.commands_per_action = 7;
    settings.page_size = scenario.short_list > 0min ? 7 : 3;
    plugin("save", scenario.plugin);
    auto& job_settings = settings.job_defaults;
    job_settings.pluginretries = 1;
    job_settings.startdeadline = 2min;
    job_settings.collectdeadline = scenario.no_commands ? 1min : 24h;
    config_.settings = job_settings;
    config_.plugin = scenario.sendonly ? "" : "save";
    config_.sendonly = scenario.sendonly;
    api.before_page = [this, all_from = clock.now() + scenario.short_list](FakeApi::Stored& action) {
      action.commands.resize(clock.now() < all_from ? 5 : 0);
      for (auto i = action.commands.size(); i < 7; ++i)
        action.commands.push_back(action.id * 1000 + static_cast<int>(i));
      if (clock.now() < all_from) action.commands.resize(5);
    };
    job_ = make_job("disk", scenario.adopted ? "1 8 * * * 2030" : "1 8 * * *", config_);
    if (scenario.adopted) leave_in_flight();
    api.target_complaint = "pq: syntax error";
    watch();
  }

  // Until well after the run's end; returns whether the runner died on the way.
  bool live() {
    bool died = false;
    alive([&] { begin(); }, died);
    const auto busy_until = clock.now() + 9min;
    const auto end = clock.now() + 12min + std::max(scenario_.short_list, scenario_.late_answer) * 5 / 4;
    const auto answered = clock.now() + scenario_.late_answer;
    while (clock.now() < end) {
      alive(
          [&] {
            for (auto& action : api.actions) {
              action.status = scenario_.status;
              if (action.status == "scheduled") action.sent = 0;
              action.statuses[action.id * 1000] = clock.now() < answered ? "sent" : "success";
            }
            if (scenario_.no_commands) api.command_answer = "{";
            advance(clock.now() < busy_until ? 5s : 20s);
          },
          died);
    }
    return died;
  }

  std::filesystem::path in_flight() const { return directory.path() / "runners/disk/inflight/7001.json"; }

 private:
  void leave_in_flight() {
    const nlohmann::json action = {{"id", 7001},
                                   {"name", "mig-runner: disk"},
                                   {"target", "status='online'"},
                                   {"validfrom", "2026-11-23T07:59:00Z"},
                                   {"expireafter", "2026-11-23T08:04:00Z"}};
    const nlohmann::json record = {{"action", action}, {"commands", nullptr}, {"name", "disk"}, {"plugin", "save"}};
    write_text(in_flight(), record.dump());
    FakeApi::Stored stored;
    stored.id = 7001;
    stored.document = action.dump();
    stored.name = "mig-runner: disk";
    stored.sent = 7;
    stored.commands.resize(7);
    api.actions.push_back(stored);
  }
  void begin() {
    start(job_);
    stages::Adoption().look_at_all(stages->context, clock.now());
  }
  void watch() {
    store->on_change([this](const store::Claimable&) { point(); });
    api.around_exchange = log.after_line = [this] { point(); };
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
      begin();
    }
  }

  const Scenario& scenario_;
  const int dies_at_;
  int points_ = 0;
  config::JobConfig config_;
  spool::JobPtr job_;
};

void expect_whole(const std::string& text, const std::string& where) {
  const auto document = nlohmann::json::parse(text, nullptr, false);
  ASSERT_FALSE(document.is_discarded()) << where;
  std::set<std::int64_t> ids;
  for (const auto& command : document.at("commands")) {
    ids.insert(command.at("id").get<std::int64_t>());
    ASSERT_EQ(command.at("status"), "success") << where;
  }
  ASSERT_EQ(ids.size(), 7U) << where;
  ASSERT_EQ(document.at("commands").size(), 7U) << where;
}

// What the plugin was given last.
std::string last_delivery(const CrashStand& stand) {
  auto all = read_text(stand.directory.path() / "received");
  all.erase(all.find_last_not_of('\n') + 1);
  return all.substr(all.rfind('\n') + 1);
}

void expect_all_well(const Scenario& scenario, int dies_at, CrashStand& stand) {
  const auto where = std::string(scenario.name) + ", died at point " + std::to_string(dies_at) + "\n" + stand.log.all();
  ASSERT_EQ(stand.history("disk").size(), 1U) << where;
  const auto run = stand.history("disk").front();
  ASSERT_EQ(run.state, scenario.end) << where;
  ASSERT_EQ(stand.api.actions.size(), scenario.accepted) << where;
  if (scenario.collected) {
    ASSERT_TRUE(run.complete) << where;
    ASSERT_NO_FATAL_FAILURE(expect_whole(read_text(stand.directory.path() / run.result_file), where));
  } else {
    ASSERT_EQ(run.result_file, "") << where;
  }
  if (scenario.delivered) {
    ASSERT_NO_FATAL_FAILURE(expect_whole(last_delivery(stand), where));
  }
  ASSERT_FALSE(std::filesystem::exists(stand.in_flight())) << where;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(stand.directory.path()))
    ASSERT_EQ(entry.path().string().find(".tmp-"), std::string::npos) << where;
}

class CrashPoints : public testing::TestWithParam<Scenario> {};

TEST_P(CrashPoints, NothingIsLostOrSentTwice) {
  const FlushesAre skipped(Flushes::skipped);
  int points = 0;
  for (int dies_at = 1;; ++dies_at) {
    CrashStand stand(GetParam(), dies_at);
    const bool died = stand.live();
    expect_all_well(GetParam(), dies_at, stand);
    if (HasFatalFailure()) return;
    if (!died) break;
    ++points;
  }
  EXPECT_GE(points, GetParam().least_points) << "the points must be there to die at";
}

Scenario sends(const char* name, std::vector<Post> script) {
  return {.name = name,
          .script = std::move(script),
          .end = RunState::sent,
          .sendonly = true,
          .collected = false,
          .delivered = false,
          .least_points = 3};
}

// Never gets as far as a result.
Scenario ends(const char* name, RunState end, std::vector<Post> script, std::size_t accepted) {
  return {.name = name,
          .script = std::move(script),
          .end = end,
          .collected = false,
          .delivered = false,
          .accepted = accepted,
          .least_points = 4};
}

Scenario but(Scenario scenario, void (*change)(Scenario&)) {
  change(scenario);
  return scenario;
}

// Together they take every arrow of the state diagram in docs/design.md; missed and skipped times that were never due
// have no deed to die at.
const Scenario kScenarios[] = {
    {.name = "plain"},
    {.name = "lost answer", .script = {Post::lost_accepted}},
    {.name = "lost request", .script = {Post::lost_not_accepted}},
    {.name = "api away at first", .script = {Post::unavailable, Post::unavailable}},
    {.name = "lost request, then lost answer", .script = {Post::lost_not_accepted, Post::lost_accepted}},
    sends("sendonly", {}),
    sends("sendonly with a lost answer", {Post::lost_accepted}),
    ends("refused", RunState::refused, {Post::refuse, Post::refuse}, 0),
    ends("api away for long", RunState::missed, std::vector<Post>(99, Post::unavailable), 0),
    but(ends("invalid", RunState::invalid, {}, 1), [](Scenario& scenario) { scenario.status = "scheduled"; }),
    but(ends("collect failed", RunState::collect_failed, {}, 1),
        [](Scenario& scenario) { scenario.no_commands = true; }),
    {.name = "plugin fails once",
     .plugin = "[ -e once ] || { touch once; exit 1; }; cat >> received; echo >> received"},
    {.name = "undeliverable", .end = RunState::undeliverable, .plugin = "exit 1", .delivered = false},
    {.name = "damaged result",
     .plugin = "[ -e once ] || { touch once; echo > \"$MIG_RUNNER_RESULT_FILE\"; exit 75; };"
               "cat >> received; echo >> received"},
    {.name = "recollection", .short_list = 12min},
    {.name = "late answer", .late_answer = 12min},
    {.name = "undeliverable, then recollection",
     .end = RunState::delivered,
     .plugin = "[ $MIG_RUNNER_COMPLETE = true ] || exit 1; cat >> received; echo >> received",
     .short_list = 12min},
    {.name = "adoption", .adopted = true},
};

INSTANTIATE_TEST_SUITE_P(All, CrashPoints, testing::ValuesIn(kScenarios), [](const auto& scenario) {
  std::string name = scenario.param.name;
  std::erase_if(name, [](char c) { return c == ',' || c == ' '; });
  return name;
});

}  // namespace
}  // namespace mig_runner::test

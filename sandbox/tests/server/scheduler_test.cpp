#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "server/stand.h"

namespace mig_sandbox::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How many commands of each status there are.
std::map<std::string, int> count(const std::vector<json>& commands) {
  std::map<std::string, int> counts;
  for (const auto& command : commands) ++counts[command.at("status").get<std::string>()];
  return counts;
}

int counter(const json& action, const char* name) {
  return action.at("counters").value(name, 0);
}

ServerOptions with_fleet(int agents) {
  ServerOptions options;
  options.fleet.agents = agents;
  return options;
}

// A fleet without anybody who is away, late, silent or fails.
ServerOptions with_good_fleet(int agents) {
  ServerOptions options = with_fleet(agents);
  options.fleet.away = options.fleet.late = options.fleet.silent = options.fleet.failed = 0;
  return options;
}

ServerOptions with_local_agent() {
  ServerOptions options;
  options.local_agent.name = "here";
  options.local_agent.run = [](const std::string& module, const std::string& parameters, Timestamp,
                               const std::stop_token&) -> std::string {
    if (module == "broken") throw std::runtime_error("broken inside");
    if (module != "pkg")
      return R"({"foundanything":false,"success":false,"elements":null,"statistics":null,"errors":["module ')" +
             module + R"(' is not available"]})";
    return R"({"errors":null,"success":true,"foundanything":true,"statistics":null,"elements":{"asked":)" + parameters +
           "}}";
  };
  return options;
}

TEST(Scheduler, TakesAnActionThroughItsStates) {
  Stand stand(with_good_fleet(20));
  const auto id = stand.launch();
  std::vector<std::string> states;
  for (int i = 0; i < 4; ++i) {
    states.push_back(stand.action(id).at("status"));
    stand.server->step();
  }
  EXPECT_THAT(states, ::testing::ElementsAre("pending", "scheduled", "preparing", "inflight"));
  EXPECT_EQ(counter(stand.action(id), "sent"), 20);
  EXPECT_EQ(counter(stand.action(id), "inflight"), 20);
  EXPECT_EQ(count(stand.commands(id)), (std::map<std::string, int>{{"sent", 20}}));
  // One result for each operation, empty.
  EXPECT_EQ(
      stand.commands(id)[0].at("results"),
      json::parse(R"([{"foundanything":false,"success":false,"elements":null,"statistics":null,"errors":null}])"));
  stand.clock.advance(seconds(59));
  stand.server->step();
  const json action = stand.action(id);
  EXPECT_EQ(action.at("status"), "completed");
  EXPECT_EQ(action.at("counters"), (json{{"sent", 20}, {"done", 20}, {"success", 20}}));
  EXPECT_EQ(action.at("starttime"), "2026-11-23T08:00:00Z");
  EXPECT_EQ(action.at("finishtime"), "2026-11-23T08:00:59Z");
  std::set<std::int64_t> ids;
  for (const auto& command : stand.commands(id)) {
    ids.insert(command.at("id").get<std::int64_t>());
    EXPECT_EQ(command.at("results").size(), 1U);
  }
  EXPECT_EQ(ids.size(), 20U);
}

TEST(Scheduler, CallsAnActionInvalidThatNoAgentMatches) {
  Stand stand(with_good_fleet(3));
  Stand::Draft draft;
  draft.target = "name='nobody'";
  const auto id = stand.launch(draft);
  stand.steps(4);
  EXPECT_EQ(stand.action(id).at("status"), "invalid");
  EXPECT_EQ(stand.action(id).at("starttime"), "2026-11-23T08:00:00Z");
  EXPECT_EQ(stand.action(id).at("finishtime"), "9998-01-11T11:11:11Z");
  EXPECT_EQ(stand.get("search?type=command&actionid=" + std::to_string(id)).status, 404);
}

// The name of a macro is a column that is not there.
TEST(Scheduler, LeavesATargetThatCannotBeRunScheduledForEver) {
  for (const char* target : {"this is not sql", "nonsense(", "web_servers"}) {
    SCOPED_TRACE(target);
    Stand stand(with_good_fleet(3));
    Stand::Draft draft;
    draft.target = target;
    const auto id = stand.launch(draft);
    stand.steps(4);
    stand.clock.advance(seconds(3600));
    stand.steps(4);
    EXPECT_EQ(stand.action(id).at("status"), "scheduled");
    EXPECT_EQ(stand.action(id).at("starttime"), "0009-01-11T11:11:11Z");
  }
}

TEST(Scheduler, WaitsForTheActionToBecomeValidAndDropsWhatExpiredBefore) {
  Stand stand(with_good_fleet(3));
  const auto id = stand.launch();
  stand.clock.advance(seconds(61));
  stand.steps(2);
  EXPECT_EQ(stand.action(id).at("status"), "expired");
  // Valid only a minute after it was posted.
  const std::string document = stand.document({});
  stand.clock.advance(seconds(-120));
  const auto answer = stand.post(document);
  ASSERT_EQ(answer.status, 202);
  const std::int64_t later = json::parse(answer.body)["collection"]["items"][0]["data"][0]["value"]["id"];
  stand.steps(4);
  EXPECT_EQ(stand.action(later).at("status"), "pending");
  stand.clock.advance(seconds(70));
  stand.steps(4);
  EXPECT_EQ(stand.action(later).at("status"), "inflight");
}

TEST(Scheduler, ExpiresWhatDoesNotAnswerAndTakesLateAnswers) {
  ServerOptions options = with_fleet(400);
  options.fleet.late = options.fleet.silent = options.fleet.failed = 0.2;
  Stand stand(options);
  const auto id = stand.launch();
  stand.steps(3);
  const int sent = counter(stand.action(id), "sent");
  EXPECT_LT(sent, 400);
  const auto check_counters = [&] {
    const auto statuses = count(stand.commands(id));
    const json action = stand.action(id);
    for (const auto& [status, number] : statuses)
      EXPECT_EQ(number, counter(action, status == "sent" ? "inflight" : status.c_str())) << status;
    return action;
  };
  // At the expiry itself, and for the scheduler's delay of 3 s, what was not answered still stands as sent.
  stand.clock.advance(seconds(60));
  stand.server->step();
  const json at_expiry = check_counters();
  EXPECT_EQ(at_expiry.at("status"), "inflight");
  EXPECT_GT(counter(at_expiry, "inflight"), sent / 5);
  EXPECT_EQ(counter(at_expiry, "expired"), 0);
  stand.clock.advance(milliseconds(2999));
  stand.server->step();
  const json before_end = check_counters();
  EXPECT_EQ(before_end.at("status"), "inflight");
  EXPECT_LT(counter(before_end, "inflight"), counter(at_expiry, "inflight"));
  stand.clock.advance(milliseconds(1));
  stand.server->step();
  const json ended = check_counters();
  EXPECT_EQ(ended.at("status"), "completed");
  EXPECT_EQ(counter(ended, "done"), sent);
  EXPECT_GT(counter(ended, "expired"), 0);
  EXPECT_GT(counter(ended, "failed"), 0);
  EXPECT_GT(counter(ended, "timeout"), 0);
  stand.clock.advance(seconds(30));
  stand.server->step();
  const json after = check_counters();
  EXPECT_EQ(counter(after, "done"), sent);
  EXPECT_LT(counter(after, "expired"), counter(ended, "expired"));
  EXPECT_GT(counter(after, "expired"), 0);
}

TEST(Scheduler, MakesCommandsInBatches) {
  Stand stand(with_good_fleet(2500));
  const auto id = stand.launch();
  stand.steps(2);
  std::vector<int> sent;
  std::vector<std::string> states;
  for (int i = 0; i < 3; ++i) {
    stand.server->step();
    sent.push_back(counter(stand.action(id), "sent"));
    states.push_back(stand.action(id).at("status"));
  }
  EXPECT_THAT(sent, ::testing::ElementsAre(1024, 2048, 2500));
  EXPECT_THAT(states, ::testing::ElementsAre("preparing", "preparing", "inflight"));
  std::set<std::int64_t> agents;
  for (const auto& command : stand.commands(id)) agents.insert(command.at("agent").at("id").get<std::int64_t>());
  EXPECT_EQ(agents.size(), 2500U);
}

TEST(Scheduler, GoesOnWithTheNextBatchAfterARestart) {
  const mig_runner::test::ScratchDirectory scratch;
  ServerOptions options = with_good_fleet(1500);
  options.state = scratch.path() / "state.db";
  Stand stand(options);
  const auto id = stand.launch();
  stand.steps(3);
  EXPECT_EQ(counter(stand.action(id), "sent"), 1024);
  stand.stop();
  stand.start();
  stand.steps(1);
  EXPECT_EQ(counter(stand.action(id), "sent"), 1500);
  EXPECT_EQ(stand.action(id).at("status"), "inflight");
}

TEST(Scheduler, RunsTheAgentOfThisMachine) {
  Stand stand(with_local_agent());
  const auto id = stand.launch();
  stand.steps(4);
  const auto commands = stand.commands(id);
  ASSERT_EQ(commands.size(), 1U);
  EXPECT_EQ(commands[0].at("status"), "success");
  EXPECT_EQ(commands[0].at("agent").at("name"), "here");
  EXPECT_EQ(commands[0].at("results")[0].at("elements").at("asked").at("pkgmatch").at("matches")[0], "^openssl$");
  EXPECT_EQ(stand.action(id).at("status"), "completed");
}

TEST(Scheduler, UnpacksCompressedParametersForTheAgent) {
  Stand stand(with_local_agent());
  Stand::Draft draft;
  draft.operations = R"([{"module":"pkg","parameters":{"a":"<&>"},"want_compressed":true}])";
  const auto id = stand.launch(draft);
  stand.steps(4);
  const auto command = stand.commands(id).at(0);
  EXPECT_TRUE(command.at("action").at("operations")[0].at("parameters").is_string());
  EXPECT_EQ(command.at("results")[0].at("elements").at("asked").at("a"), "<&>");
}

TEST(Scheduler, FailsAsTheRealAgentDoes) {
  Stand stand(with_local_agent());
  Stand::Draft draft;
  draft.operations = R"([{"module":"pkg","parameters":{}},{"module":"nosuch","parameters":{}}])";
  const auto id = stand.launch(draft);
  draft.operations = R"([{"module":"broken","parameters":{}}])";
  const auto broken = stand.launch(draft);
  stand.steps(4);
  EXPECT_EQ(stand.commands(id).at(0).at("status"), "failed");
  EXPECT_EQ(stand.commands(id).at(0).at("results").at(1).at("errors").at(0), "module 'nosuch' is not available");
  EXPECT_EQ(stand.commands(broken).at(0).at("results").at(0).at("errors").at(0), "broken inside");
  EXPECT_EQ(stand.action(id).at("counters"), (json{{"sent", 1}, {"done", 1}, {"failed", 1}}));
}

TEST(Scheduler, GoesOnAfterARestart) {
  const mig_runner::test::ScratchDirectory scratch;
  ServerOptions options = with_local_agent();
  options.fleet.agents = 30;
  options.fleet.away = options.fleet.late = options.fleet.silent = options.fleet.failed = 0;
  options.state = scratch.path() / "state.db";
  Stand stand(options);
  const auto done = stand.launch();
  stand.steps(4);
  stand.clock.advance(seconds(59));
  stand.steps(1);
  const auto before = stand.commands(done);
  const auto halfway = stand.launch();
  stand.steps(3);  // sent; the local agent has answered in the third step
  const auto pending = stand.launch();
  stand.stop();

  stand.clock.advance(seconds(30));
  stand.start();
  EXPECT_EQ(stand.commands(done), before);
  EXPECT_EQ(stand.action(pending).at("status"), "pending");
  EXPECT_GT(stand.launch(), pending);
  stand.steps(4);
  stand.clock.advance(seconds(59));
  stand.steps(1);
  for (const auto id : {halfway, pending}) {
    EXPECT_EQ(stand.action(id).at("status"), "completed");
    EXPECT_EQ(counter(stand.action(id), "success"), 31);
  }
  EXPECT_EQ(json::parse(stand.client().get("/sandbox/posts").body).size(), 4U);
  stand.stop();

  options.fleet.agents = 31;
  const auto refused = Server::start(options, stand.clock);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().what, ::testing::HasSubstr("a fleet of 30 agents with seed 1"));
}

TEST(Fleet, IsTheSameForTheSameSeed) {
  const auto agents = [](std::uint64_t seed) {
    ServerOptions options = with_fleet(200);
    options.fleet.seed = seed;
    Stand stand(options);
    return stand.values("search?type=agent&agentname=%25&limit=1000&status=%25n%25");
  };
  const auto first = agents(1);
  EXPECT_EQ(first, agents(1));
  EXPECT_NE(first, agents(2));
  EXPECT_GT(first.size(), 150U);
  EXPECT_LE(first.size(), 200U);
}

TEST(Fleet, AnswersTheSameEachTimeInTheShapesOfRealAgents) {
  Stand stand(with_good_fleet(60));
  Stand::Draft draft;
  draft.operations = R"([{"module":"file","parameters":{"searches":{"s1":{"names":["^passwd$"],"paths":["/etc"],
    "options":{"matchall":true,"returnsha256":true}},"s2":{"names":["x"],"paths":["/tmp"]}}}},
    {"module":"pkg","parameters":{"pkgmatch":{"matches":["^openssl$","bash"]}}},
    {"module":"netstat","parameters":{"listeningport":["22","80"],"connectedip":["10.0.0.0/8"]}},
    {"module":"ping","parameters":{"destination":"192.0.2.1","destinationport":443,"protocol":"tcp"}}])";
  const auto id = stand.launch(draft);
  stand.steps(3);
  stand.clock.advance(seconds(59));
  stand.steps(1);
  const auto commands = stand.commands(id);
  EXPECT_EQ(commands, stand.commands(id));
  std::map<std::size_t, int> found;
  for (const auto& command : commands) {
    const auto& results = command.at("results");
    ASSERT_EQ(results.size(), 4U);
    for (std::size_t i = 0; i < 4; ++i) {
      const auto& result = results[i];
      std::set<std::string> keys;
      for (const auto& [key, value] : result.items()) keys.insert(key);
      EXPECT_EQ(keys, (std::set<std::string>{"foundanything", "success", "elements", "statistics", "errors"}));
      found[i] += result.at("foundanything") == true ? 1 : 0;
    }
    const auto& elements = results[0].at("elements");
    if (results[0].at("foundanything") == true) {
      EXPECT_EQ(elements.at("s1")[0].at("file"), "/etc/passwd");
      EXPECT_EQ(elements.at("s1")[0].at("fileinfo").at("sha256").get<std::string>().size(), 64U);
      EXPECT_EQ(elements.at("s1")[0].at("search").at("options").at("matchall"), true);
    } else {
      EXPECT_EQ(elements.at("s1"), nullptr);
      EXPECT_EQ(elements.at("s2")[0].at("file"), "");
    }
    EXPECT_TRUE(results[2].at("elements").at("listeningport").contains("22"));
  }
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_GT(found[i], 3) << i;
    EXPECT_LT(found[i], 40) << i;
  }
  // What a search for findings gives is what the commands say.
  std::size_t some = 0;
  for (const auto& command : commands) {
    for (const auto& result : command.at("results")) {
      if (result.at("foundanything") != true) continue;
      ++some;
      break;
    }
  }
  EXPECT_EQ(stand.commands(id, "&foundanything=true&limit=1000").size(), some);
}

TEST(Fleet, MostMachinesFindTheSameWhenTheyAreAskedAgain) {
  Stand stand(with_good_fleet(400));
  Stand::Draft draft;
  draft.operations = R"([{"module":"pkg","parameters":{"pkgmatch":{"matches":["^openssl$"]}}}])";
  std::map<std::string, std::set<std::string>> answers;  // by agent
  for (int i = 0; i < 2; ++i) {
    const auto id = stand.launch(draft);
    stand.steps(3);
    stand.clock.advance(seconds(59));
    stand.steps(1);
    for (const auto& command : stand.commands(id, "&limit=1000"))
      answers[command.at("agent").at("name")].insert(command.at("results")[0].at("elements").dump());
  }
  const auto changed =
      std::count_if(answers.begin(), answers.end(), [](const auto& each) { return each.second.size() > 1; });
  EXPECT_GT(answers.size(), 300U);
  EXPECT_GT(changed, 2);
  EXPECT_LT(changed, 60);
}

TEST(Fleet, HasNoModulesButFour) {
  Stand stand(with_good_fleet(5));
  Stand::Draft draft;
  draft.operations = R"([{"module":"timedrift","parameters":{"drift":"60s"}}])";
  const auto id = stand.launch(draft);
  stand.steps(3);
  stand.clock.advance(seconds(59));
  stand.steps(1);
  for (const auto& command : stand.commands(id)) {
    EXPECT_EQ(command.at("status"), "failed");
    EXPECT_EQ(command.at("results")[0].at("errors")[0], "module 'timedrift' is not available");
  }
}

// 100,000 agents must neither be kept in memory many times over nor take long; a page is asked for by the thousand.
TEST(Fleet, ScalesToAHundredThousandAgents) {
  ServerOptions options = with_good_fleet(100'000);
  Stand stand(options);
  const auto id = stand.launch();
  stand.steps(2 + 98);
  stand.clock.advance(seconds(59));
  stand.steps(1);
  EXPECT_EQ(counter(stand.action(id), "success"), 100'000);
  std::set<std::int64_t> ids;
  for (const char* offset : {"0", "1000", "99000"}) {
    for (const auto& command : stand.commands(id, std::string("&limit=1000&offset=") + offset))
      ids.insert(command.at("id").get<std::int64_t>());
  }
  EXPECT_EQ(ids.size(), 3000U);
  EXPECT_EQ(stand.get("search?type=command&limit=10&offset=100000&actionid=" + std::to_string(id)).status, 404);
}

}  // namespace
}  // namespace mig_sandbox::test

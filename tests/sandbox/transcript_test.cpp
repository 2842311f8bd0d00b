#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <string>

#include "mig/action.h"
#include "sandbox/api.h"
#include "sandbox/http_server.h"
#include "sandbox/local_worker.h"
#include "sandbox/scheduler.h"
#include "sandbox/test_client.h"
#include "support/manual_clock.h"
#include "support/scratch_directory.h"

// Every exchange that was recorded between the original programs, sent to the sandbox: what it answers has to be the
// same text, but for the numbers it gives and the times at which things happen here.

namespace mig_sandbox::test {
namespace {

using json = nlohmann::ordered_json;
using mig_runner::test::ManualClock;

constexpr const char* kRecordedAddress = "http://localhost:4444";

Timestamp at(const char* time) {
  return mig_runner::parse_rfc3339(time).value();
}

json read_transcript() {
  return json::parse(mig_runner::test::read_text(MIG_TEST_DATA "/vectors/api_transcript.json"));
}

Micros micros(const json& object, const char* name) {
  return parse_micros(object.at(name).get<std::string>()).value();
}

ActionRow action_row(const json& document) {
  ActionRow row;
  row.id = document.at("id");
  row.name = document.at("name");
  row.target = document.at("target");
  const auto action = mig_runner::mig::Action::parse(document.dump()).value();
  row.description = action.description_json();
  row.threat = action.threat_json();
  row.operations = action.operations_json();
  row.signatures = document.at("pgpsignatures").dump();
  row.investigators = "[1]";
  row.valid_from = micros(document, "validfrom");
  row.expire_after = micros(document, "expireafter");
  row.status = document.at("status");
  row.start_time = micros(document, "starttime");
  row.finish_time = micros(document, "finishtime");
  row.last_update_time = micros(document, "lastupdatetime");
  row.counters.sent = document.at("counters").at("sent");
  row.counters.success = document.at("counters").at("success");
  return row;
}

CommandRow command_row(const json& document) {
  CommandRow row;
  row.id = document.at("id");
  row.action_id = document.at("action").at("id");
  row.agent_id = document.at("agent").at("id");
  row.status = document.at("status");
  row.start_time = micros(document, "starttime");
  row.finish_time = micros(document, "finishtime");
  row.found = kFoundSomething;
  row.results = document.at("results").dump();
  return row;
}

Agent agent_row(const json& document) {
  Agent agent;
  agent.id = document.at("id");
  agent.name = document.at("name");
  agent.queueloc = document.at("queueloc");
  agent.version = document.at("version");
  agent.pid = document.value("pid", 1);
  agent.start_time = micros(document, "starttime");
  agent.heartbeat_time = micros(document, "heartbeatts");
  agent.refresh_time = micros(document, "refreshts");
  agent.environment = document.at("environment").dump();
  agent.tags = document.at("tags").dump();
  return agent;
}

// Numbers that the server gives become #, times at which something happens T; constants stay.
std::string normal(std::string text, const std::string& address) {
  for (std::size_t found = 0; (found = text.find(address, found)) != std::string::npos;)
    text.replace(found, address.size(), kRecordedAddress);
  static const std::regex ids("[0-9]{14}");
  static const std::regex times(
      "(\"(?:starttime|finishtime|lastupdatetime|after|before)\":\"|(?:after|before)=)20[0-9]{2}-[-0-9T:.]+Z");
  static const std::regex flapping("(\"flapping endpoints\",\"value\":)[0-9]+");
  text = std::regex_replace(text, ids, "#");
  text = std::regex_replace(text, times, "$1T");
  return std::regex_replace(text, flapping, "$1N");
}

// Where two long texts part, with what stands around it.
::testing::AssertionResult same_text(const std::string& ours, const std::string& recorded) {
  const auto parted = std::mismatch(ours.begin(), ours.end(), recorded.begin(), recorded.end());
  if (parted.first == ours.end() && parted.second == recorded.end()) return ::testing::AssertionSuccess();
  const auto at = static_cast<std::size_t>(parted.first - ours.begin());
  const std::size_t from = at < 200 ? 0 : at - 200;
  return ::testing::AssertionFailure() << "ours     .." << ours.substr(from, 500) << "\nrecorded .."
                                       << recorded.substr(from, 500);
}

class TranscriptTest : public ::testing::Test {
 protected:
  TranscriptTest() : transcript(read_transcript()), investigators(parse_micros("2026-11-23T08:17:56.423881Z").value()) {
    const auto added =
        investigators.add(mig_runner::test::read_text(MIG_TEST_DATA "/vectors/api_transcript_investigator.asc"), "ref");
    EXPECT_TRUE(added) << added.error().what;
    auto started = HttpServer::start({}, [this](const Request& request) { return Reply{api.answer(request, {})}; });
    EXPECT_TRUE(started) << started.error().what;
    http = std::move(started).value();
    address = "http://127.0.0.1:" + std::to_string(http->port());
    api.set_address(address);
    // The agent of the first part of the recording, which answers its two jobs.
    auto first = value_of(2).at("agent");
    local_agent = first.at("id");
    auto row = agent_row(first);
    agents.insert(row);
  }

  json body_of(std::size_t index) const {
    return json::parse(transcript.at(index).at("response_body").get<std::string>());
  }
  json value_of(std::size_t index, std::size_t item = 0) const {
    return body_of(index).at("collection").at("items").at(item).at("data").at(0).at("value");
  }

  // What the real database held beyond what the exchanges themselves put there.
  void seed_second_part() {
    auto gone = agents.find(local_agent).value();
    gone.status = "destroyed";
    agents.insert(gone);
    auto now = agent_row(value_of(21));
    agents.insert(now);
    for (std::size_t item = 1; item <= 10; ++item) store.insert_action(action_row(value_of(19, item)));
    // A row of its own for the agent, as it was when it answered: the search shows environment and tags.
    store.insert_command(command_row(value_of(33)));
  }
  void seed_many_commands() {
    store.insert_action(action_row(value_of(14)));
    CommandRow command = command_row(value_of(13));
    command.agent_id = local_agent;
    for (std::int64_t i = 0; i < 10000; ++i) {
      command.id = 50000000000000 + i;
      store.insert_command(command);
    }
  }

  void run_scheduler() {
    for (int i = 0; i < 4; ++i) {
      scheduler.step(clock.now());
      while (worker.run_next({})) {
      }
      clock.advance(std::chrono::milliseconds(500));
    }
  }

  // The other ids of the same things here.
  std::string translate(std::string path) const {
    for (const auto& [recorded, ours] : ids_here) {
      if (const auto found = path.find(recorded); found != std::string::npos)
        path.replace(found, recorded.size(), ours);
    }
    return path;
  }

  void replay(std::size_t index) {
    SCOPED_TRACE("exchange " + std::to_string(index));
    const json& exchange = transcript.at(index);
    std::map<std::string, std::string> headers;
    for (const auto& [name, value] : exchange.at("request_headers").items()) {
      if (name != "Content-Length") headers[name] = value;
    }
    const auto answer =
        client->request(exchange.at("method").get<std::string>(), translate(exchange.at("path").get<std::string>()),
                        headers, exchange.at("request_body").get<std::string>());
    const std::string recorded = exchange.at("response_body");
    EXPECT_EQ(answer.status, exchange.at("status").get<int>());
    EXPECT_TRUE(same_text(normal(answer.body, address), normal(recorded, address)));
    const auto header = [&](const char* name) {
      const auto& all = exchange.at("response_headers");
      return all.contains(name) ? all.at(name).get<std::string>() : std::string();
    };
    const auto ours = [&](const char* name) {
      return answer.headers.contains(name) ? answer.headers.at(name) : std::string();
    };
    EXPECT_EQ(ours("cache-control"), header("Cache-Control"));
    EXPECT_EQ(ours("content-type"), header("Content-Type"));
    EXPECT_EQ(ours("x-content-type-options"), header("X-Content-Type-Options"));
    EXPECT_EQ(ours("transfer-encoding"), header("Transfer-Encoding"));
    if (answer.status == 202) {
      const auto id = [](const std::string& body) {
        const auto document = json::parse(body);
        return std::to_string(
            document.at("collection").at("items").at(0).at("data").at(0).at("value").at("id").get<std::int64_t>());
      };
      ids_here.emplace_back(id(recorded), id(answer.body));
    }
  }

  void replay(std::size_t first, std::size_t last) {
    client.emplace(http->port());
    for (std::size_t i = first; i <= last; ++i) replay(i);
  }

  json transcript;
  ManualClock clock{at("2026-11-23T08:30:00Z")};
  Store store{{}};
  AgentTable agents;
  Fleet fleet{{}, 1, 0};
  Investigators investigators;
  Authentication authentication{investigators, {}, std::chrono::minutes(10)};
  Ids ids{28060121880000};
  World world{clock, store, agents, fleet, investigators, ids};
  std::int64_t local_agent = 0;
  LocalWorker worker{world, [this](const std::string& module, const std::string&, Timestamp, const std::stop_token&) {
                       return value_of(module == "pkg" ? 2 : 4).at("results").at(0).dump();
                     }};
  Api api{world, authentication, [] {}};
  std::unique_ptr<HttpServer> http;
  std::string address;
  Scheduler scheduler{world, 28060121890834, [this](LocalJob job) { worker.push(std::move(job)); }};
  std::optional<TestClient> client;
  std::vector<std::pair<std::string, std::string>> ids_here;
};

TEST_F(TranscriptTest, AnswersEveryExchangeAsTheOriginalDid) {
  ASSERT_EQ(transcript.size(), 40U);
  replay(0, 1);
  run_scheduler();
  clock.set(at("2026-11-23T08:30:25Z"));
  replay(2, 5);
  clock.set(at("2026-11-23T08:31:00Z"));
  replay(6, 7);
  clock.set(at("2026-11-23T08:31:22Z"));
  seed_many_commands();
  replay(8, 18);
  clock.set(at("2026-11-23T09:15:50Z"));
  seed_second_part();
  replay(19, 39);
}

}  // namespace
}  // namespace mig_sandbox::test

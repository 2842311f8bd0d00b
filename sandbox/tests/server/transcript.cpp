#include "server/transcript.h"

#include <algorithm>
#include <regex>

#include "mig/action.h"
#include "support/scratch_directory.h"

namespace mig_sandbox::test {
namespace {

using json = nlohmann::ordered_json;

std::string vector_file(const std::string& name) {
  return mig_runner::test::read_text(MIG_TEST_DATA "/vectors/" + name);
}

Micros micros(const json& object, const char* name) {
  return parse_micros(object.at(name).get<std::string>()).value();
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

}  // namespace

Timestamp at(const char* time) {
  return mig_runner::parse_rfc3339(time).value();
}

Transcript::Transcript(const Origin& origin)
    : recorded_address(origin.address),
      transcript(json::parse(vector_file(origin.name + ".json"))),
      clock(at(origin.now)),
      investigators(parse_micros(origin.created).value()),
      authentication(investigators, origin.api_keys, std::chrono::minutes(10)) {
  const auto added = investigators.add(vector_file(origin.name + "_investigator.asc"), origin.investigator);
  EXPECT_TRUE(added) << added.error().what;
  auto started = HttpServer::start({}, [this](const Request& request) { return Reply{api.answer(request, quirks)}; });
  EXPECT_TRUE(started) << started.error().what;
  http = std::move(started).value();
  address = "http://127.0.0.1:" + std::to_string(http->port());
  api.set_address(address);
}

ActionRow Transcript::action_row(const json& document) {
  ActionRow row;
  row.id = document.at("id");
  row.name = document.at("name");
  row.target = document.at("target");
  const auto action = mig_runner::mig::Action::parse(document.dump()).value();
  row.description = action.description_json();
  row.threat = action.threat_json();
  row.operations = action.operations_json();
  row.signatures = document.at("pgpsignatures").dump();
  row.valid_from = micros(document, "validfrom");
  row.expire_after = micros(document, "expireafter");
  row.status = document.value("status", "completed");
  row.start_time = micros(document, "starttime");
  row.finish_time = micros(document, "finishtime");
  row.last_update_time = micros(document, "lastupdatetime");
  const json& counters = document.at("counters");
  row.counters.sent = counters.at("sent");
  row.counters.success = counters.value("success", 0);
  row.counters.failed = counters.value("failed", 0);
  row.counters.expired = counters.value("expired", 0);
  return row;
}

CommandRow Transcript::command_row(const json& document) {
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

Agent Transcript::agent_row(const json& document) {
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

void Transcript::insert_signed(const ActionRow& action) {
  store.record_post({0, action.id, 202, {}}, &action);
  store.insert_signature({action.id, 1, ""});
}

void Transcript::run_scheduler() {
  for (int i = 0; i < 4; ++i) {
    scheduler->step(clock.now());
    while (worker.run_next({})) {
    }
    clock.advance(std::chrono::milliseconds(500));
  }
}

// The other ids of the same things here.
std::string Transcript::translate(std::string path) const {
  for (const auto& [recorded, ours] : ids_here) {
    if (const auto found = path.find(recorded); found != std::string::npos) path.replace(found, recorded.size(), ours);
  }
  return path;
}

// Numbers that the server gives become #, times at which something happens T; constants stay.
std::string Transcript::normal(std::string text) const {
  for (std::size_t found = 0; (found = text.find(address, found)) != std::string::npos;)
    text.replace(found, address.size(), recorded_address);
  static const std::regex numbers("[0-9]{14}");
  static const std::regex times(
      "(\"(?:starttime|finishtime|lastupdatetime|after|before)\":\"|(?:after|before)=)20[0-9]{2}-[-0-9T:.]+Z");
  static const std::regex flapping("(\"flapping endpoints\",\"value\":)[0-9]+");
  static const std::regex permissions("\"permissions\":[{][^}]*[}]");
  text = std::regex_replace(text, numbers, "#");
  text = std::regex_replace(text, times, "$1T");
  text = std::regex_replace(text, permissions, "\"permissions\":P");
  return std::regex_replace(text, flapping, "$1N");
}

void Transcript::replay(std::size_t index) {
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
  EXPECT_TRUE(same_text(normal(answer.body), normal(recorded)));
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

void Transcript::replay(std::size_t first, std::size_t last) {
  client.emplace(http->port());
  for (std::size_t i = first; i <= last; ++i) replay(i);
}

}  // namespace mig_sandbox::test

#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/api/api.h"
#include "sandbox/http/http_server.h"
#include "sandbox/scheduler/local_worker.h"
#include "sandbox/scheduler/scheduler.h"
#include "server/test_client.h"
#include "support/manual_clock.h"

namespace mig_sandbox::test {

Timestamp at(const char* time);

// Exchanges that were recorded with the original API, sent to the sandbox: what it answers has to be the same text, but
// for the numbers it gives, the times at which things happen here and what its investigators may do.
class Transcript : public ::testing::Test {
 protected:
  using json = nlohmann::ordered_json;

  // Where a recording was made and by whom.
  struct Origin {
    std::string name;  // of its file, api_transcript
    std::string address;
    std::string investigator;
    const char* created;  // the investigator
    std::vector<std::string> api_keys;
    const char* now;
  };
  explicit Transcript(const Origin& origin);

  json body_of(std::size_t index) const {
    return json::parse(transcript.at(index).at("response_body").get<std::string>());
  }
  json value_of(std::size_t index, std::size_t item = 0) const {
    return body_of(index).at("collection").at("items").at(item).at("data").at(0).at("value");
  }

  // Rows as the real database held them, from the server's documents.
  static ActionRow action_row(const json& document);
  static CommandRow command_row(const json& document);
  static Agent agent_row(const json& document);
  void insert_signed(const ActionRow& action);

  // Until actions that were posted are in flight, and answered by the agent `local_agent`.
  void run_scheduler();
  void replay(std::size_t first, std::size_t last);

  std::string recorded_address;
  json transcript;
  mig_runner::test::ManualClock clock;
  Store store{{}};
  AgentTable agents;
  Fleet fleet{{}, 1, 0};
  Investigators investigators;
  Authentication authentication;
  Ids ids{28060121880000};
  World world{clock, store, agents, fleet, ids};
  LocalAgent::Run run;  // set it before an action is posted
  LocalWorker worker{world, [this](const std::string& module, const std::string& parameters, Timestamp now,
                                   const std::stop_token& stop) { return run(module, parameters, now, stop); }};
  Api api{world, investigators, authentication, [] {}};
  Quirks quirks;  // for what is replayed
  std::unique_ptr<HttpServer> http;
  std::string address;
  std::optional<Scheduler> scheduler;
  std::optional<TestClient> client;
  std::vector<std::pair<std::string, std::string>> ids_here;

 private:
  std::string translate(std::string path) const;
  std::string normal(std::string text) const;
  void replay(std::size_t index);
};

}  // namespace mig_sandbox::test

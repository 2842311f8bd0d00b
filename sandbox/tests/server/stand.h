#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sandbox/server/server.h"
#include "server/test_client.h"
#include "sign/signer.h"
#include "support/manual_clock.h"
#include "support/scratch_directory.h"

namespace mig_sandbox::test {

using mig_runner::test::ManualClock;
using nlohmann::json;

// An investigator's key, made once for the test program.
struct TestKey {
  std::string public_key;  // armored
  std::unique_ptr<mig_runner::sign::Signer> signer;
};
TestKey& test_key();

// A server in this process with a clock that the test moves, and an investigator who talks to it.
class Stand {
 public:
  explicit Stand(ServerOptions options = {}, const char* now = "2026-11-23T08:00:00Z");

  // Sets what every stand has: the investigator, the API key "key", no steps by itself.
  void start();
  void stop() { server.reset(); }
  TestAnswer get(const std::string& path) { return client().get("/api/v1/" + path, {{"X-MIGAPIKEY", "key"}}); }
  json get_json(const std::string& path) { return json::parse(get(path).body); }
  TestClient& client() { return *client_; }
  // The value of the first datum of each item, but for the search parameters and pagination.
  std::vector<json> values(const std::string& path);

  // A document that is signed and complete but for what the test changes: times default to now - 60 s, now + 60 s.
  struct Draft {
    std::string name = "mig-runner: test";
    std::string target = "status='online'";
    std::string operations = R"([{"module":"pkg","parameters":{"pkgmatch":{"matches":["^openssl$"]}}}])";
    std::chrono::seconds life{60};
  };
  std::string document(const Draft& draft) const;
  TestAnswer post(const std::string& document);
  // Posts and returns the id.
  std::int64_t launch(const Draft& draft);
  std::int64_t launch() { return launch(Draft{}); }
  void steps(int count);
  // A signature of full length, by the investigator.
  static std::string sign(const std::string& text);
  std::string token(Timestamp time) const;
  json action(std::int64_t id) { return values("action?actionid=" + std::to_string(id)).at(0); }
  std::vector<json> commands(std::int64_t id, const std::string& more = "&limit=1000000") {
    return values("search?type=command&actionid=" + std::to_string(id) + more);
  }

  ManualClock clock;
  ServerOptions options;
  std::unique_ptr<Server> server;

 private:
  std::unique_ptr<TestClient> client_;
};

// How an API's error reads.
std::string error_of(const TestAnswer& answer);

}  // namespace mig_sandbox::test

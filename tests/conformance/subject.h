#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/api_client.h"
#include "api/http.h"
#include "sign/signer.h"

namespace mig_runner::test {

class World;

struct Reply {
  long status = 0;
  std::string body;

  // The API's own document; null where the body is another.
  nlohmann::json document() const;
  // The message of its error, or empty.
  std::string error() const;
  // The first datum of each item but pagination and search parameters.
  std::vector<nlohmann::json> values() const;
  // The item of that name, or null.
  nlohmann::json item(const std::string& name) const;
  // "404 no results found"
  std::string text() const { return std::to_string(status) + " " + error(); }
};

// An action that is signed, and what the test may change before it is posted.
struct Draft {
  std::string name = "mig-runner: conformance";
  std::string target = "name='no agent has this name'";
  std::string operations = R"([{"module":"file","parameters":{"searches":{"s":{"paths":["/etc/hostname"]}}}}])";
  std::chrono::seconds life{300};
};

// The MIG that the suite is run against: the one that MIG_CONFORMANCE_API and its companions name
// (docs/contributing.md), else a mig-sandbox of its own. One for the whole program.
class Subject {
 public:
  static Subject& get();
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;
  ~Subject();

  Reply ask(const std::string& path_and_query) { return ask(path_and_query, token()); }
  Reply ask(const std::string& path_and_query, const std::string& header);
  // A document that the API would accept, unless the draft forbids.
  nlohmann::json document(const Draft& draft);
  Reply post(const nlohmann::json& document) { return post_text(document.dump()); }
  Reply post_text(const std::string& text);
  // Posts and returns the stored action; the test fails where it is not accepted.
  nlohmann::json launch(const Draft& draft);
  nlohmann::json action(std::int64_t id);
  // Polls until the action has the status.
  bool reaches(std::int64_t id, const std::string& status, std::chrono::seconds within);

  sign::Signer& signer() { return *signer_; }
  // "X-PGPAUTHORIZATION: .."
  std::string token();
  static std::string token_header(Timestamp time, const std::string& signed_text, sign::Signer& signer);
  // "X-MIGAPIKEY: .."; nullopt: none is known.
  std::optional<std::string> api_key() const { return api_key_; }
  // The same, of an investigator without the permissions action and action_create.
  std::optional<std::string> limited_api_key() const { return limited_api_key_; }
  api::ApiClient& client() { return *client_; }
  const std::string& url() const { return url_; }

  // Agents that may be asked, and agents that never answer; empty: none are named.
  std::string target;
  std::string silent_target;

  // An action that was created though the answer did not say so.
  void note(std::int64_t id) { created_.push_back(id); }
  // The actions that were created, for the last line of the suite.
  std::string summary() const;

 private:
  Subject();
  void use_sandbox();
  void use_environment(const std::string& url);

  std::unique_ptr<World> world_;
  std::string url_, gpg_home_, key_id_, passphrase_;
  std::optional<std::string> api_key_, limited_api_key_;
  std::unique_ptr<sign::Key> key_;
  std::unique_ptr<sign::Signer> signer_;
  std::unique_ptr<api::Http> http_;
  std::unique_ptr<api::TokenSource> tokens_;
  std::unique_ptr<api::ApiClient> client_;
  std::string token_;
  std::vector<std::int64_t> created_;
};

}  // namespace mig_runner::test

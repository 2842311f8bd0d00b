#include "conformance/subject.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>

#include "base/clock.h"
#include "base/percent.h"
#include "e2e/world.h"
#include "mig/action.h"
#include "sign/secret.h"

namespace mig_runner::test {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxAnswer = 64U << 20U;
constexpr const char* kSandboxKey = "conformance";
constexpr const char* kLimitedSandboxKey = "limited";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

std::string needed(const char* name) {
  auto value = environment(name);
  if (value.empty())
    throw std::runtime_error(std::string(name) + " is not set; docs/contributing.md has what is needed");
  return value;
}

// The first line of a file that a variable names.
std::string secret_in(const char* name) {
  const auto file = environment(name);
  if (file.empty()) return {};
  const auto text = read_text(file);
  return text.substr(0, text.find('\n'));
}

std::optional<std::string> api_key_header(const std::string& key) {
  if (key.empty()) return std::nullopt;
  return "X-MIGAPIKEY: " + key;
}

bool is_about_the_page(const json& item) {
  const auto& name = item.at("data").at(0).at("name");
  return name == "pagination" || name == "search parameters";
}

}  // namespace

json Reply::document() const {
  auto parsed = json::parse(body, nullptr, false);
  return parsed.is_object() && parsed.contains("collection") ? parsed.at("collection") : json();
}

std::string Reply::error() const {
  const auto collection = document();
  return collection.is_null() ? std::string() : collection.at("error").value("message", "");
}

std::vector<json> Reply::values() const {
  std::vector<json> values;
  const auto collection = document();
  if (collection.is_null()) return values;
  for (const auto& item : collection.value("items", json::array())) {
    if (!is_about_the_page(item)) values.push_back(item.at("data").at(0).at("value"));
  }
  return values;
}

json Reply::item(const std::string& name) const {
  const auto collection = document();
  if (collection.is_null()) return {};
  for (const auto& item : collection.value("items", json::array())) {
    if (item.at("data").at(0).at("name") == name) return item.at("data").at(0).at("value");
  }
  return {};
}

Subject& Subject::get() {
  static Subject subject;
  return subject;
}

Subject::Subject() : http_(api::make_curl_http({}, {})) {
  const auto url = environment("MIG_CONFORMANCE_API");
  url.empty() ? use_sandbox() : use_environment(url);
  auto key = sign::Key::load(gpg_home_, key_id_, sign::Secret(passphrase_), system_clock().now());
  if (!key) throw std::runtime_error("the key: " + key.error().text());
  key_ = std::make_unique<sign::Key>(*std::move(key));
  signer_ = key_->make_signer().value();
  tokens_ = std::make_unique<api::TokenSource>(system_clock());
  client_ = std::make_unique<api::ApiClient>(url_, api::make_curl_http({}, {}), key_->make_signer().value(), *tokens_);
}

Subject::~Subject() = default;

// Half of its agents are away, of which some are idle: they are sent commands and never answer.
void Subject::use_sandbox() {
  world_ = std::make_unique<World>();
  world_->start_sandbox({"--api-key", kSandboxKey, "--limited-api-key", kLimitedSandboxKey, "--agents", "60", "--away",
                         "0.5", "--late", "0", "--failed", "0", "--silent", "0", "--speed", "10", "--no-local-agent"});
  url_ = "http://127.0.0.1:" + std::to_string(world_->port) + "/api/v1/";
  gpg_home_ = keyring().home;
  key_id_ = keyring().fingerprint;
  api_key_ = api_key_header(kSandboxKey);
  limited_api_key_ = api_key_header(kLimitedSandboxKey);
  target = "status='online'";
  silent_target = "status='idle'";
}

void Subject::use_environment(const std::string& url) {
  url_ = url.ends_with('/') ? url : url + "/";
  gpg_home_ = needed("MIG_CONFORMANCE_GPG_HOME");
  key_id_ = needed("MIG_CONFORMANCE_KEY");
  passphrase_ = secret_in("MIG_CONFORMANCE_PASSPHRASE_FILE");
  api_key_ = api_key_header(secret_in("MIG_CONFORMANCE_API_KEY_FILE"));
  limited_api_key_ = api_key_header(secret_in("MIG_CONFORMANCE_LIMITED_API_KEY_FILE"));
  target = environment("MIG_CONFORMANCE_TARGET");
  silent_target = environment("MIG_CONFORMANCE_SILENT_TARGET");
}

std::string Subject::token_header(Timestamp time, const std::string& signed_text, sign::Signer& signer) {
  const std::string text = "1;" + format_utc(std::chrono::floor<std::chrono::seconds>(time)) + ";" + signed_text;
  return "X-PGPAUTHORIZATION: " + text + ";" + signer.sign(text + "\n").value();
}

std::string Subject::token() {
  if (token_.empty()) token_ = token_header(system_clock().now(), "1", *signer_);
  return token_;
}

Reply Subject::ask(const std::string& path_and_query, const std::string& header) {
  api::HttpRequest request;
  request.url = url_ + path_and_query;
  if (!header.empty()) request.headers.push_back(header);
  request.max_answer_bytes = kMaxAnswer;
  request.timeout = std::chrono::seconds(60);
  const auto answer = http_->perform(request);
  if (!answer) {
    ADD_FAILURE() << answer.error().text();
    return {};
  }
  return {answer->status, answer->body};
}

json Subject::document(const Draft& draft) {
  auto action =
      mig::Action::parse(json{{"target", draft.target}, {"operations", json::parse(draft.operations)}}.dump());
  const auto now = std::chrono::floor<std::chrono::seconds>(system_clock().now());
  EXPECT_TRUE(action->prepare(draft.name, now - std::chrono::seconds(60), now + draft.life));
  const std::vector<std::string> signatures = {signer_->sign(action->signed_text()).value()};
  return json::parse(action->document(signatures));
}

Reply Subject::post_text(const std::string& text) {
  api::HttpRequest request;
  request.url = url_ + "action/create/";
  request.headers.push_back(token());
  request.form_body = "action=" + percent_encode(text);
  request.max_answer_bytes = kMaxAnswer;
  request.timeout = std::chrono::seconds(60);
  const auto answer = http_->perform(request);
  if (!answer) {
    ADD_FAILURE() << answer.error().text();
    return {};
  }
  Reply reply{answer->status, answer->body};
  if (reply.status == 202 && !reply.values().empty())
    created_.push_back(static_cast<std::int64_t>(reply.values().front().at("id").get<double>()));
  return reply;
}

json Subject::launch(const Draft& draft) {
  const auto reply = post(document(draft));
  EXPECT_EQ(reply.status, 202) << reply.body;
  const auto values = reply.values();
  return values.empty() ? json{{"id", 0}} : values.front();
}

json Subject::action(std::int64_t id) {
  const auto reply = ask("action?actionid=" + std::to_string(id));
  EXPECT_EQ(reply.status, 200) << reply.body;
  const auto values = reply.values();
  return values.empty() ? json::object() : values.front();
}

bool Subject::reaches(std::int64_t id, const std::string& status, std::chrono::seconds within) {
  return eventually([&] { return action(id).value("status", "") == status; }, within);
}

std::string Subject::summary() const {
  std::string text = std::to_string(created_.size()) + " actions were created at " + url_ + ":";
  for (const auto id : created_) text += " " + std::to_string(id);
  return text;
}

namespace {

class Summary : public ::testing::Environment {
  void TearDown() override { std::puts(Subject::get().summary().c_str()); }
};
const auto* const summary = ::testing::AddGlobalTestEnvironment(new Summary);

}  // namespace
}  // namespace mig_runner::test

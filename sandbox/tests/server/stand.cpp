#include "server/stand.h"

#include <gtest/gtest.h>

#include "base/percent.h"
#include "mig/action.h"
#include "sandbox/access/public_key.h"
#include "sandbox/base/form.h"
#include "sandbox/base/parameters.h"
#include "support/shell.h"

namespace mig_sandbox::test {
namespace {

std::string run(const std::string& command) {
  return mig_runner::test::shell(command + " 2>/dev/null").text;
}

TestKey make_key() {
  const mig_runner::test::ScratchDirectory scratch;
  const auto home = scratch.path() / "gnupg";
  std::filesystem::create_directories(home);
  std::filesystem::permissions(home, std::filesystem::perms::owner_all);
  const std::string gpg = "gpg --batch --quiet --homedir " + home.string();
  run(gpg + " --passphrase '' --quick-generate-key 'Test Investigator <test@example.net>' rsa2048 sign never");
  const std::string list = run(gpg + " --with-colons --list-keys");
  const auto fingerprint_end = list.find(":\n", list.find("\nfpr:"));
  TestKey key;
  key.public_key = run(gpg + " --armor --export");
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  auto loaded = mig_runner::sign::Key::load(home, list.substr(fingerprint_end - 40, 40), {}, now);
  run("gpgconf --homedir " + home.string() + " --kill all");
  if (!loaded) throw std::runtime_error(loaded.error().text());
  key.signer = loaded->make_signer().value();
  return key;
}

}  // namespace

TestKey& test_key() {
  static TestKey key = make_key();
  return key;
}

Stand::Stand(ServerOptions given, const char* now)
    : clock(mig_runner::parse_rfc3339(now).value()), options(std::move(given)) {
  options.investigators.push_back({test_key().public_key, ""});
  options.api_keys = {"key"};
  options.automatic = false;
  start();
}

void Stand::start() {
  auto started = Server::start(options, clock);
  if (!started) throw std::runtime_error(started.error().text());
  server = std::move(started).value();
  client_ = std::make_unique<TestClient>(server->port());
}

std::vector<json> Stand::values(const std::string& path) {
  std::vector<json> values;
  const json document = get_json(path);
  for (const auto& item : document.at("collection").value("items", json::array())) {
    const auto& datum = item.at("data").at(0);
    if (datum.at("name") != "search parameters" && datum.at("name") != "pagination")
      values.push_back(datum.at("value"));
  }
  return values;
}

std::string Stand::document(const Draft& draft) const {
  auto action = mig_runner::mig::Action::parse(
                    json{{"target", draft.target}}.dump().insert(1, "\"operations\":" + draft.operations + ","))
                    .value();
  EXPECT_TRUE(action.prepare(draft.name, clock.now() - std::chrono::seconds(60), clock.now() + draft.life));
  const std::vector<std::string> signatures = {sign(action.signed_text())};
  return action.document(signatures);
}

TestAnswer Stand::post(const std::string& document) {
  return client().request("POST", "/api/v1/action/create/",
                          {{"X-MIGAPIKEY", "key"}, {"Content-Type", "application/x-www-form-urlencoded"}},
                          "action=" + mig_runner::percent_encode(document));
}

std::int64_t Stand::launch(const Draft& draft) {
  const auto answer = post(document(draft));
  EXPECT_EQ(answer.status, 202) << answer.body;
  return json::parse(answer.body).at("collection").at("items").at(0).at("data").at(0).at("value").at("id");
}

void Stand::steps(int count) {
  for (int i = 0; i < count; ++i) server->step();
}

std::string Stand::sign(const std::string& text) {
  // One signature in 256 has a shorter number, which the server refuses; a second later it is another one.
  while (true) {
    auto signature = test_key().signer->sign(text).value();
    const auto packet = decode_base64(signature.substr(0, signature.rfind('='))).value();
    if (rsa_bytes_of_signature(packet) == 256U) return signature;
  }
}

std::string Stand::token(Timestamp time) const {
  const std::string text = "1;" + mig_runner::format_utc(time) + ";12345";
  return text + ";" + sign(text + "\n");
}

std::string error_of(const TestAnswer& answer) {
  return json::parse(answer.body).at("collection").at("error").value("message", "");
}

}  // namespace mig_sandbox::test

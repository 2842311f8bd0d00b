// Every text of tests/data/vectors/gcfg.json: the values, or an error where the original has one.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "config/bind.h"
#include "support/scratch_directory.h"

namespace mig_runner::config {
namespace {

using nlohmann::json;

// What the original accepts and we refuse or say more about: values that are read, but of no use.
bool is_stricter(const Problem& problem) {
  for (const char* ours : {"there is no ", "it is empty", "is not a duration", "is not a fingerprint",
                           "is out of range", "mode syslog also needs", "is passed over", "plugin: a plugin"})
    if (problem.message.find(ours) != std::string::npos) return true;
  return false;
}

std::string described(const std::vector<Problem>& problems) {
  std::string text;
  for (const auto& problem : problems) text += problem.text() + "\n";
  return text;
}

void check_job(const std::string& text, const json& value, std::vector<Problem>& problems) {
  const auto config = bind_job_config(text, "f", {}, problems);
  if (value.is_null()) return;
  const auto& wanted = value.at("Configuration");
  EXPECT_EQ(config.schedule, wanted.at("Schedule").get<std::string>()) << text;
  EXPECT_EQ(config.plugin, wanted.at("Plugin").get<std::string>()) << text;
  EXPECT_EQ(config.sendonly, wanted.at("SendOnly").get<bool>()) << text;
  if (wanted.at("Expiry") == "10m") {
    EXPECT_EQ(config.expiry, std::chrono::minutes(10)) << text;
  }
}

void check_runner(const std::string& text, const json& value, std::vector<Problem>& problems) {
  const auto config = bind_runner_config(text, "f", problems);
  if (value.is_null()) return;
  EXPECT_EQ(config.directory, value.at("Runner").at("Directory").get<std::string>()) << text;
  if (text.find("checkdirectory") != std::string::npos) {
    EXPECT_EQ(config.checkdirectory / std::chrono::seconds(1), value.at("Runner").at("CheckDirectory").get<int>())
        << text;
  }
  const auto& logging = value.at("Logging");
  EXPECT_EQ(config.logging.file, logging.at("File").get<std::string>()) << text;
  EXPECT_EQ(config.logging.host, logging.at("Host").get<std::string>()) << text;
  EXPECT_EQ(config.logging.protocol, logging.at("Protocol").get<std::string>()) << text;
  EXPECT_EQ(config.logging.port, logging.at("Port").get<int>()) << text;
  EXPECT_EQ(config.logging.maxfilesize, logging.at("MaxFileSize").get<std::int64_t>()) << text;
  if (value.at("Client").at("DelayResults") == "30s") {
    EXPECT_EQ(config.delayresults, std::chrono::seconds(30)) << text;
  }
}

void check_client(const std::string& text, const json& value, std::vector<Problem>& problems) {
  const auto config = bind_client_config(text, "f", problems);
  if (value.is_null()) return;
  EXPECT_EQ(config.api_url, value.at("API").at("URL").get<std::string>()) << text;
  EXPECT_EQ(config.skipverifycert, value.at("API").at("SkipVerifyCert").get<bool>()) << text;
  EXPECT_EQ(config.keyid, value.at("GPG").at("KeyID").get<std::string>()) << text;
  EXPECT_EQ(config.useapikeyauth, value.at("GPG").at("UseAPIKeyAuth").get<std::string>()) << text;
  if (!value.at("Targets").at("Macro").is_array()) return;
  for (const std::string macro : value.at("Targets").at("Macro")) {
    const auto colon = macro.find(':');
    if (colon == std::string::npos) continue;
    ASSERT_TRUE(config.macros.contains(macro.substr(0, colon))) << text;
    EXPECT_EQ(config.macros.at(macro.substr(0, colon)), macro.substr(colon + 1)) << text;
  }
}

TEST(ConfigVectors, AllTexts) {
  const auto cases = json::parse(test::read_text(MIG_TEST_DATA "/vectors/gcfg.json"));
  ASSERT_GE(cases.size(), 68U);
  for (const auto& item : cases) {
    const std::string text = item.at("text");
    const auto value = item.value("value", json());
    std::vector<Problem> problems;
    if (item.at("kind") == "job") check_job(text, value, problems);
    if (item.at("kind") == "runner") check_runner(text, value, problems);
    if (item.at("kind") == "client") check_client(text, value, problems);
    bool refused = false;
    for (const auto& problem : problems) refused = refused || (problem.fatal && !is_stricter(problem));
    EXPECT_EQ(refused, item.contains("error")) << text << "\n" << described(problems);
  }
}

}  // namespace
}  // namespace mig_runner::config

// Every answer of the real API in tests/data/vectors/api_transcript.json.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/answers.h"
#include "api/page_reader.h"
#include "support/scratch_directory.h"

namespace mig_runner::api {
namespace {

using nlohmann::json;

// The data of an answer whose name is one of `names`.
std::vector<json> data_of(const json& body, const std::function<bool(const std::string&)>& wanted) {
  std::vector<json> found;
  if (!body.is_object() || !body["collection"].contains("items")) return found;
  for (const auto& item : body.at("collection").at("items"))
    for (const auto& datum : item.at("data"))
      if (wanted(datum.at("name"))) found.push_back(datum.at("value"));
  return found;
}

TEST(Transcript, EveryAnswerIsRead) {
  const auto exchanges = json::parse(test::read_text(MIG_TEST_DATA "/vectors/api_transcript.json"));
  ASSERT_GE(exchanges.size(), 40U);
  int commands_seen = 0;
  int actions_seen = 0;
  for (const auto& exchange : exchanges) {
    const std::string text = exchange.at("response_body");
    const auto body = json::parse(text, nullptr, false);
    std::string buffer = text;
    const auto message = error_message(buffer);
    const bool collection = body.is_object();
    EXPECT_EQ(message.has_value(), collection && body["collection"]["error"].contains("message")) << text;
    if (message) {
      EXPECT_EQ(*message, body["collection"]["error"]["message"].get<std::string>());
    }

    const auto commands = data_of(body, [](const auto& name) { return name == "command"; });
    std::vector<json> read;
    std::vector<UnreadableCommand> unreadable;
    const CommandSink sink = [&](const CommandSlice& command) -> Result<void> {
      read.push_back(json::parse(command.json));
      EXPECT_EQ(read.back().at("id"), command.id);
      EXPECT_EQ(read.back().at("status"), command.status);
      return {};
    };
    PageReader reader(sink, unreadable);
    const bool taken = reader.take(text) && reader.finish();
    EXPECT_EQ(read, commands);
    EXPECT_TRUE(unreadable.empty());
    EXPECT_TRUE(taken || commands.empty());
    commands_seen += static_cast<int>(commands.size());

    const auto actions =
        data_of(body, [](const auto& name) { return name == "action" || name.starts_with("action ID"); });
    const auto listed = read_actions(buffer);
    if (actions.empty()) continue;
    ASSERT_EQ(listed.value().size(), actions.size());
    for (std::size_t i = 0; i < actions.size(); ++i) {
      EXPECT_EQ(json::parse(listed.value()[i].action.json), actions[i]);
      EXPECT_EQ(listed.value()[i].signatures, actions[i].at("pgpsignatures"));
      EXPECT_EQ(listed.value()[i].status.sent, actions[i].at("counters").value("sent", 0));
      ++actions_seen;
    }
  }
  EXPECT_GE(commands_seen, 6);
  EXPECT_GE(actions_seen, 15);
}

}  // namespace
}  // namespace mig_runner::api

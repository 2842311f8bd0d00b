#include "mig/command_view.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/scratch_directory.h"

namespace mig_runner::mig {
namespace {

using nlohmann::json;

std::string command(const json& more) {
  json whole = {{"id", 28060121701836},
                {"action", {{"id", 7}, {"counters", {{"sent", 3}, {"success", 1}}}}},
                {"agent", {{"id", 11}, {"name", "vm"}}},
                {"status", "success"}};
  whole.update(more);
  return whole.dump();
}

TEST(CommandView, ReadsEverySampleAsAParserDoes) {
  int commands = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(MIG_TEST_DATA) + "/samples")) {
    const auto document = json::parse(test::read_text(entry.path()));
    if (!document.is_object() || !document.contains("commands") || !document["commands"].is_array()) continue;
    for (const auto& parsed : document["commands"]) {
      ++commands;
      for (const auto& text : {parsed.dump(), parsed.dump(2)}) {
        const auto view = read_command(text).value();
        EXPECT_EQ(view.id, parsed["id"]);
        EXPECT_EQ(view.status, parsed["status"]);
        EXPECT_EQ(view.agent, parsed["agent"]["name"]);
        EXPECT_EQ(json::parse(view.results), parsed["results"]);
        const auto outcomes = read_outcomes(view.results);
        ASSERT_EQ(outcomes.size(), parsed["results"].size());
        bool all = true;
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
          const auto& result = parsed["results"][i];
          all = all && result["success"].get<bool>();
          EXPECT_EQ(outcomes[i].succeeded, result["success"].get<bool>());
          EXPECT_EQ(outcomes[i].error, result["errors"].is_null() ? "" : result["errors"][0].get<std::string>());
        }
        EXPECT_EQ(may_have_failed(text), !all);
      }
    }
  }
  EXPECT_GT(commands, 3);
}

TEST(CommandView, IdsInExponentFormAreIds) {
  EXPECT_EQ(read_command(R"({"id":2.9426359271548e+13,"status":"sent"})").value().id, 29426359271548);
  for (const auto* bad : {R"({"id":1.5})", R"({"id":0})", R"({"id":-1})", R"({"id":"1"})", R"({"id":1e300})", "{}"})
    EXPECT_FALSE(read_command(bad)) << bad;
}

TEST(CommandView, WhatIsCutOffIsRefused) {
  const auto whole = command({{"results", {{{"success", true}, {"errors", {"a\"b\\", "c"}}}}}});
  ASSERT_TRUE(read_command(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(read_command(std::string_view(whole).substr(0, size))) << size;
}

TEST(CommandView, WhatIsDeepIsPassedOver) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  const auto text = R"({"results":[{"elements":)" + deep + R"(,"success":false,"errors":["no"]}],"id":4})";
  const auto view = read_command(text);
  ASSERT_TRUE(view);
  const auto outcomes = read_outcomes(view->results);
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_FALSE(outcomes[0].succeeded);
  EXPECT_EQ(outcomes[0].error, "no");
  EXPECT_TRUE(may_have_failed(text));
}

TEST(CommandView, AStatusThatSaysSuccessIsNoFailure) {
  EXPECT_FALSE(may_have_failed(command({{"results", {{{"success", true}}}}})));
  EXPECT_TRUE(may_have_failed(command({{"results", {{{"success", true}}, {{"success", false}}}}})));
}

TEST(CommandView, OnlyTheAnswerCountsAsTheAnswer) {
  const auto hash = [](const json& more) { return answer_hash(command(more)); };
  const auto same = hash(json::object());
  EXPECT_EQ(hash({{"action", {{"counters", {{"sent", 3}, {"success", 2}}}}}}), same) << "counters move on";
  EXPECT_EQ(hash({{"agent", {{"name", "vm"}, {"environment", {{"publicip", "192.0.2.9"}}}}}}), same);
  EXPECT_NE(hash({{"status", "failed"}}), same);
  EXPECT_NE(hash({{"results", json::array()}}), same);
  EXPECT_NE(hash({{"finishtime", "2026-11-23T08:39:08Z"}}), same);
}

TEST(CommandView, FinalIsWhatDoesNotChangeAnyMore) {
  for (const auto* status : {"success", "cancelled", "expired", "failed", "timeout"})
    EXPECT_TRUE(is_final_status(status)) << status;
  for (const auto* status : {"sent", "", "pending", "SUCCESS"}) EXPECT_FALSE(is_final_status(status)) << status;
}

// What it says of itself may be of any size and shape.
TEST(CommandView, AnErrorThatIsLongIsCutAndOneThatIsNoTextIsNone) {
  const auto error_of = [](const std::string& error) {
    return read_outcomes(R"([{"success":false,"errors":[)" + error + "]}]").at(0).error;
  };
  EXPECT_EQ(error_of(R"("short")"), "short");
  EXPECT_EQ(error_of("[[],[],{}]"), "");
  EXPECT_EQ(error_of("17"), "");
  for (const std::string piece : {"x", "\\n", "\\u00e9", "\u00e9", "\\\\", "\\ud83d\\ude00"}) {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += piece;
    const auto cut = error_of('"' + text + '"');
    EXPECT_GT(cut.size(), 600U) << piece;
    EXPECT_LT(cut.size(), 8000U) << piece;
  }
}

}  // namespace
}  // namespace mig_runner::mig

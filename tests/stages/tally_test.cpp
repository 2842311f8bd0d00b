#include "stages/tally.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace mig_runner::stages {
namespace {

using nlohmann::json;

std::string answer(const json& results) {
  return json{{"id", 1}, {"agent", {{"name", "vm"}}}, {"status", "success"}, {"results", results}}.dump();
}
json succeeded() {
  return {{"foundanything", true}, {"success", true}, {"errors", {"could not open /x"}}};
}
json failed(const std::string& text) {
  return {{"foundanything", false}, {"success", false}, {"errors", {text}}};
}

TEST(Tally, TellsWhoHasNotAnswered) {
  Tally tally;
  tally.add("success", answer(json::array({succeeded()})));
  tally.add("success", answer(json::array({succeeded()})));
  tally.add("timeout", answer(nullptr));
  EXPECT_EQ(tally.progress(3), "");
  tally.add("sent", answer(nullptr));
  EXPECT_EQ(tally.progress(4),
            "3 of 4 commands have ended (2 success, 1 timeout), 1 was sent and has not answered yet");
  tally.add("sent", answer(nullptr));
  EXPECT_EQ(tally.progress(5),
            "3 of 5 commands have ended (2 success, 1 timeout), 2 were sent and have not answered yet");
  EXPECT_EQ(tally.commands(), 5);
  EXPECT_EQ(tally.ended(), 3);
  EXPECT_EQ(tally.failures(), "");
}

TEST(Tally, TellsWhatTheApiDoesNotList) {
  Tally tally;
  tally.add("success", answer(json::array({succeeded()})));
  EXPECT_EQ(tally.progress(4), "the API lists only 1 of 4 commands");
  tally.add("sent", answer(nullptr));
  EXPECT_EQ(tally.progress(4),
            "the API lists only 2 of 4 commands; 1 of 2 commands have ended (1 success), 1 was sent and has not "
            "answered yet");
}

TEST(Tally, TellsWhyAgentsFailed) {
  Tally tally;
  for (int i = 0; i < 3; ++i) tally.add("failed", answer(json::array({failed("module 'x' is not available")})));
  EXPECT_TRUE(tally.all_failed_alike());
  EXPECT_EQ(tally.failures(), "all 3 agents failed: \"module 'x' is not available\"");
  tally.add("success", answer(json::array({succeeded()})));
  EXPECT_FALSE(tally.all_failed_alike());
  EXPECT_EQ(tally.failures(), "3 of 4 agents failed: \"module 'x' is not available\"");
  tally.add("success", answer(json::array({failed("invalid empty search path")})));
  EXPECT_EQ(tally.failures(),
            "4 of 5 agents failed: \"module 'x' is not available\" (3), \"invalid empty search path\" (1)");
  tally.add("success", answer(json::array({succeeded(), failed("no NTP server")})));
  EXPECT_EQ(tally.failures(),
            "4 of 6 agents failed: \"module 'x' is not available\" (3), \"invalid empty search path\" (1); "
            "1 of 6 agents failed in part: \"no NTP server\"");
}

TEST(Tally, AgentsThatGiveNoReasonAreCounted) {
  Tally tally;
  tally.add("failed", answer(nullptr));
  EXPECT_EQ(tally.failures(), "1 of 1 agent failed: \"no reason given\"");
}

TEST(Tally, ManyDifferentTextsAreSummedUp) {
  Tally tally;
  for (int i = 0; i < 1000; ++i) tally.add("failed", answer(json::array({failed("reason " + std::to_string(i))})));
  tally.add("failed", answer(json::array({failed("reason 0")})));
  EXPECT_THAT(tally.failures(), testing::StartsWith("all 1001 agents failed: \"reason 0\" (2), \"reason 1\" (1), "));
  EXPECT_THAT(tally.failures(), testing::EndsWith(", others (997)"));
  Tally longer;
  longer.add("failed", answer(json::array({failed(std::string(1000, 'x'))})));
  EXPECT_LT(longer.failures().size(), 300U);
}

}  // namespace
}  // namespace mig_runner::stages

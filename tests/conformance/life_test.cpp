// The life of an action: the states, counters and commands that the runner waits for.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "conformance/subject.h"
#include "e2e/process.h"

namespace mig_runner::test {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

class LifeConformance : public ::testing::Test {
 protected:
  static std::int64_t id_of(const json& action) { return action.at("id").get<std::int64_t>(); }
  Reply commands(std::int64_t id) {
    return mig.ask("search?type=command&limit=100000&offset=0&actionid=" + std::to_string(id));
  }
  static std::set<std::string> statuses(const Reply& reply) {
    std::set<std::string> statuses;
    for (const auto& command : reply.values()) statuses.insert(command.at("status").get<std::string>());
    return statuses;
  }
  static int counter(const json& action, const char* name) { return action.at("counters").value(name, 0); }

  Subject& mig = Subject::get();
};

TEST_F(LifeConformance, AnActionThatNoAgentMatchesIsInvalid) {
  const auto id = id_of(mig.launch({}));
  ASSERT_TRUE(mig.reaches(id, "invalid", 60s)) << mig.action(id);
  EXPECT_TRUE(mig.action(id).at("counters").empty());
  EXPECT_EQ(commands(id).text(), "404 no results found");
  const auto status = mig.client().action_status(id);
  ASSERT_TRUE(status) << status.error().text();
  EXPECT_EQ(status->status, "invalid");
  EXPECT_EQ(status->sent, 0);
}

// The scheduler goes on with others meanwhile.
TEST_F(LifeConformance, AnActionWhoseTargetIsNotTakenStaysScheduled) {
  std::vector<std::int64_t> stuck;
  for (const char* target : {"nonsense(", "web_servers"}) {
    Draft draft;
    draft.target = target;
    stuck.push_back(id_of(mig.launch(draft)));
  }
  for (const auto id : stuck) ASSERT_TRUE(mig.reaches(id, "scheduled", 60s)) << mig.action(id);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(mig.reaches(id_of(mig.launch({})), "invalid", 60s));
  for (const auto id : stuck) EXPECT_EQ(mig.action(id).at("status"), "scheduled");
}

TEST_F(LifeConformance, AnAgentWithoutTheModuleFailsAndSaysSo) {
  if (mig.target.empty()) GTEST_SKIP() << "no target is named";
  Draft draft;
  draft.target = mig.target;
  draft.operations = R"([{"module":"nosuchmodule","parameters":{}}])";
  draft.life = 120s;
  const auto id = id_of(mig.launch(draft));
  ASSERT_TRUE(mig.reaches(id, "completed", 120s)) << mig.action(id);
  const auto action = mig.action(id);
  const auto answers = commands(id).values();
  EXPECT_GT(answers.size(), 0U);
  EXPECT_EQ(counter(action, "sent"), static_cast<int>(answers.size()));
  EXPECT_EQ(counter(action, "done"), static_cast<int>(answers.size()));
  EXPECT_EQ(counter(action, "failed"), static_cast<int>(answers.size()));
  std::set<std::int64_t> ids;
  for (const auto& command : answers) {
    ids.insert(id_of(command));
    EXPECT_EQ(command.at("status"), "failed");
    EXPECT_EQ(command.at("action").at("id"), id);
    EXPECT_FALSE(command.at("agent").at("name").get<std::string>().empty());
    EXPECT_EQ(command.at("results"), json::parse(R"([{"foundanything":false,"success":false,"elements":null,
      "statistics":null,"errors":["module 'nosuchmodule' is not available"]}])"));
  }
  EXPECT_EQ(ids.size(), answers.size());
}

// A row is no answer: it is there, as sent, from the moment a command is dispatched, and still at the expiry.
TEST_F(LifeConformance, CommandsWithoutAnAnswerAreEndedAfterTheExpiry) {
  if (mig.silent_target.empty()) GTEST_SKIP() << "no target of silent agents is named";
  Draft draft;
  draft.target = mig.silent_target;
  draft.operations = R"([{"module":"file","parameters":{}},{"module":"pkg","parameters":{}}])";
  draft.life = 15s;
  const auto posted = mig.launch(draft);
  const auto id = id_of(posted);
  const auto expiry = parse_rfc3339(posted.at("expireafter").get<std::string>()).value();
  ASSERT_TRUE(eventually([&] { return commands(id).status == 200; }, 15s)) << mig.action(id);
  const auto sent = commands(id);
  EXPECT_EQ(statuses(sent), std::set<std::string>{"sent"});
  EXPECT_EQ(counter(mig.action(id), "done"), 0);
  const auto empty =
      json::parse(R"({"foundanything":false,"success":false,"elements":null,"statistics":null,"errors":null})");
  for (const auto& command : sent.values()) EXPECT_EQ(command.at("results"), json::array({empty, empty}));
  ASSERT_TRUE(eventually([&] { return std::chrono::system_clock::now() >= expiry; }, 30s));
  EXPECT_EQ(statuses(commands(id)), std::set<std::string>{"sent"});
  ASSERT_TRUE(mig.reaches(id, "completed", 60s)) << mig.action(id);
  const auto ended = commands(id);
  EXPECT_EQ(statuses(ended), std::set<std::string>{"expired"});
  EXPECT_EQ(ended.values().size(), sent.values().size());
  EXPECT_EQ(counter(mig.action(id), "expired"), static_cast<int>(sent.values().size()));
  for (const auto& command : ended.values()) EXPECT_EQ(command.at("results"), json::array({empty, empty}));
}

}  // namespace
}  // namespace mig_runner::test

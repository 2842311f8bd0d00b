#include <gmock/gmock.h>

#include "cli/worked_tree.h"

namespace mig_runner::cli {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// A job whose two newest results are these commands.
struct TwoRuns : WorkedTree {
  TwoRuns(const json& before, const json& now) {
    write_result(store().find_action(7002).value().value(), before);
    write_result(store().find_action(7004).value().value(), now);
  }
  std::string changed() const { return command({"results", "patchlevel", "--changed"}).out; }
};

json agent(std::int64_t id, const std::string& name, const json& results, const std::string& status = "success") {
  auto command = answer_of(name, status, results);
  command["agent"]["id"] = id;
  return command;
}

TEST(Results, AgentsOfOneNameAreTold) {
  const auto bad = packages({{"bad", "1"}});
  const TwoRuns tree(
      json::array({agent(11, "localhost.localdomain", bad), agent(12, "localhost.localdomain", bad)}),
      json::array({agent(11, "localhost.localdomain", bad), agent(12, "localhost.localdomain", packages({}))}));
  EXPECT_THAT(tree.changed(), HasSubstr("gone    localhost.localdomain (12)  pkg"));
  EXPECT_THAT(tree.changed(), Not(HasSubstr("localhost.localdomain (11)")));
  EXPECT_THAT(tree.changed(), HasSubstr("2 findings, 2 agents answered"));
  const auto show = tree.command({"show", "7002"}).out;
  EXPECT_THAT(show, HasSubstr("localhost.localdomain (11), localhost.localdomain (12)"));
  EXPECT_THAT(show, HasSubstr("localhost.localdomain (12)  pkg"));
}

TEST(Results, AnAgentThatIsRenamedIsTheSame) {
  const auto bad = packages({{"bad", "1"}});
  const TwoRuns tree(json::array({agent(11, "old", bad)}), json::array({agent(11, "new", bad)}));
  EXPECT_THAT(tree.changed(), HasSubstr("no difference"));
  EXPECT_THAT(tree.changed(), Not(HasSubstr("not compared")));
}

TEST(Results, OnlyWhatFailedIsNotCompared) {
  auto both = packages({{"bad", "1"}});
  both.push_back({{"foundanything", true}, {"success", true}, {"elements", {{"x", {"seen"}}}}});
  auto half = packages({});
  half.push_back({{"foundanything", false}, {"success", false}, {"errors", {"module 'new' is not available"}}});
  TwoRuns tree(json::array(), json::array());
  const auto write = [&](std::int64_t action, const json& command) {
    const auto run = tree.store().find_action(action).value().value();
    tree.write(run.result_file, json{{"action", {{"operations", {{{"module", "pkg"}}, {{"module", "new"}}}}}},
                                     {"commands", json::array({command})},
                                     {"name", run.job},
                                     {"plugin", "report"}}
                                    .dump());
  };
  write(7002, agent(11, "vm", both));
  write(7004, agent(11, "vm", half, "failed"));
  EXPECT_THAT(tree.changed(), HasSubstr("0 findings, 1 agent answered"));
  EXPECT_THAT(tree.changed(), HasSubstr("gone    vm     pkg     packages  bad 1"));
  EXPECT_THAT(tree.changed(), Not(HasSubstr("seen")));
  EXPECT_THAT(tree.changed(), HasSubstr("1 agent failed in part in one of the two, findings of what failed are not "
                                        "compared: vm"));
  EXPECT_THAT(tree.command({"show", "7004"}).out, HasSubstr("module 'new' is not available       1  vm"));
}

TEST(RunOutput, WhatThereIsToSayOfResultsIsShownEverywhere) {
  WorkedTree tree;
  auto run = tree.store().find_action(7004).value().value();
  run.job = "hunt";
  run.plugin = "report";
  run.action_id = 7009;
  run.state = store::RunState::delivered;
  run.wake.reset();
  run.commands = run.expected = 0;
  run.reason = "no agent matched its target \"name='x'\"";
  ASSERT_TRUE(tree.store().add({&run, 1}));
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"status"}, {"history", "hunt"}, {"show", "7009"}}) {
    const auto out = tree.command(command).out;
    EXPECT_THAT(out, HasSubstr("delivered, no agents")) << command.front();
    EXPECT_THAT(out, HasSubstr("no agent matched its target \"name='x'\"")) << command.front();
  }
}

}  // namespace
}  // namespace mig_runner::cli

#include "cli/findings.h"

#include <gmock/gmock.h>

#include "cli/worked_tree.h"
#include "support/scratch_directory.h"

namespace mig_runner::cli {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<AgentAnswer> answers_in(const std::filesystem::path& file) {
  std::vector<AgentAnswer> answers;
  EXPECT_TRUE(read_answers({file.parent_path(), file.filename()},
                           [&](AgentAnswer answer) { answers.push_back(std::move(answer)); }));
  return answers;
}

// "module search: what", of one agent that answers so with one module.
std::vector<std::string> found(const std::string& module, const json& elements, bool found_anything = true) {
  const test::ScratchDirectory directory;
  const json results = json::array({{{"foundanything", found_anything}, {"success", true}, {"elements", elements}}});
  const json document = {{"action", {{"operations", json::array({{{"module", module}}})}}},
                         {"commands", json::array({answer_of("vm", "success", results)})}};
  test::write_text(directory.path() / "1.json", document.dump());
  std::vector<std::string> texts;
  const auto answers = answers_in(directory.path() / "1.json");
  for (const auto& finding : answers.at(0).findings) texts.push_back(finding.search + ": " + finding.what);
  return texts;
}

TEST(Findings, OfASampleWithSeveralModules) {
  const auto answers = answers_in(MIG_TEST_DATA "/samples/runner_result_multi.json");
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].agent.id, 28060121890834);
  std::vector<std::string> texts;
  for (const auto& finding : answers[0].findings) texts.push_back(finding.module + ": " + finding.what);
  EXPECT_THAT(texts, ElementsAre("ping: 127.0.0.1:1664 (127.0.0.1) answers (tcp)", "pkg: gnupg 2.2.40-1.1+deb12u2"));
  EXPECT_TRUE(answers[0].answered()) << "one of three operations failed";
  EXPECT_TRUE(answers[0].in_part());
  EXPECT_EQ(answers[0].modules, (std::map<std::string, bool>{{"pkg", true}, {"timedrift", false}, {"ping", true}}));
}

TEST(Findings, ThePortThatAConnectionGotIsNone) {
  const auto socket = [](int local, int remote) {
    return found("netstat", {{"connectedip",
                              {{"10.0.0.0/8", json::array({{{"localaddr", "10.0.0.1"},
                                                            {"localport", local},
                                                            {"remoteaddr", "10.0.0.2"},
                                                            {"remoteport", remote}}})}}}});
  };
  EXPECT_THAT(socket(34310, 443), ElementsAre("connectedip 10.0.0.0/8: 10.0.0.1 - 10.0.0.2:443"));
  EXPECT_THAT(socket(22, 50000), ElementsAre("connectedip 10.0.0.0/8: 10.0.0.1:22 - 10.0.0.2"));
  EXPECT_THAT(socket(40000, 50000), ElementsAre("connectedip 10.0.0.0/8: 10.0.0.1:40000 - 10.0.0.2"));
  EXPECT_THAT(socket(179, 179), ElementsAre("connectedip 10.0.0.0/8: 10.0.0.1:179 - 10.0.0.2:179"));
  EXPECT_THAT(
      found("netstat", {{"listeningport", {{"50000", json::array({{{"localaddr", "::"}, {"localport", 50000}}})}}}}),
      ElementsAre("listeningport 50000: :::50000"));
}

TEST(Findings, AClockIsOneWhereItIsOff) {
  const json off = {{"hascheckeddrift", true}, {"drifts", {"-1m2.5s"}}, {"localtime", "2026-11-23T08:39:30Z"}};
  EXPECT_THAT(found("timedrift", off), ElementsAre(": the clock is not within the drift that was asked for"));
  EXPECT_THAT(found("timedrift", off, false), testing::SizeIs(1));
  auto fine = off;
  fine["iswithindrift"] = true;
  EXPECT_THAT(found("timedrift", fine), ElementsAre());
  EXPECT_THAT(found("timedrift", {{"hascheckeddrift", false}, {"localtime", "2026-11-23T08:39:30Z"}}), ElementsAre());
}

TEST(Findings, WhatIsFalseIsNone) {
  EXPECT_THAT(found("new", {{"isdrift", false}, {"seen", true}}), ElementsAre("seen: true"));
  EXPECT_THAT(found("scribe", {{"humanoutput", true},
                               {"results", json::array({{{"testid", "a"}, {"masterresult", false}},
                                                        {{"testid", "b"},
                                                         {"masterresult", true},
                                                         {"results",
                                                          {{{"result", true}, {"identifier", "/etc/x"}},
                                                           {{"result", false}, {"identifier", "/y"}}}}},
                                                        {{"testid", "c"}, {"masterresult", true}}})}}),
              ElementsAre("b: /etc/x", "c: true"));
}

TEST(Findings, AProcessIsTheSameWithAnotherNumber) {
  const json process = {{"search", {{"names", {"^sshd$"}}}}, {"process", {{"name", "sshd"}, {"pid", 711}}}};
  EXPECT_THAT(found("memory", {{"ssh", json::array({process})}}), ElementsAre("ssh: sshd"));
}

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

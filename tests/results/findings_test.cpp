#include "results/findings.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "support/scratch_directory.h"

namespace mig_runner::results {
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
  const json document = {
      {"action", {{"operations", json::array({{{"module", module}}})}}},
      {"commands",
       json::array({{{"id", 1}, {"agent", {{"name", "vm"}}}, {"status", "success"}, {"results", results}}})}};
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

}  // namespace
}  // namespace mig_runner::results

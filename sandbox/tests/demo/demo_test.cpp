#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "sandbox/demo/child.h"
#include "sandbox/demo/demo_jobs.h"
#include "sandbox/demo/demo_report.h"
#include "sandbox/demo/demo_tree.h"
#include "support/scratch_directory.h"

namespace mig_sandbox::test {
namespace {

using mig_runner::test::read_text;
using mig_runner::test::ScratchDirectory;
using mig_runner::test::write_text;
using nlohmann::json;
using namespace std::chrono_literals;
namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::chrono::sys_seconds kFirstSecond{std::chrono::seconds(1'795'437'599)};  // 2026-11-23T12:39:59Z

std::vector<DemoJob> jobs() {
  return demo_jobs(kFirstSecond, {"/tmp/demo/decoy", std::string(64, 'a'), 1664});
}

TEST(DemoPlugin, TurnsFindingsIntoLines) {
  const ScratchDirectory scratch;
  const fs::path plugin = scratch.path() / "plugins" / kDemoPluginName;
  write_text(plugin, demo_plugin());
  fs::permissions(plugin, fs::perms::owner_all);
  const auto lines_of_sample = [&](const std::string& name) {
    const std::string sample = std::string(MIG_TEST_DATA) + "/samples/runner_result_" + name + ".json";
    Child child({"sh", "-c", "exec " + plugin.string() + " < " + sample}, scratch.path() / "output",
                {{"MIG_RUNNER_JOB", name}, {"MIG_RUNNER_ACTION_ID", "7"}});
    EXPECT_EQ(child.wait(10s), 0) << read_text(scratch.path() / "output");
    return read_text(scratch.path() / "findings" / (name + ".7.txt"));
  };
  EXPECT_EQ(lines_of_sample("multi"), "vm: gnupg 2.2.40-1.1+deb12u2\n");
  EXPECT_EQ(lines_of_sample("badparams"), "");
  EXPECT_EQ(lines_of_sample("file-missing-path"), "");
  EXPECT_THAT(lines_of_sample("file-stat"), HasSubstr("vm: /etc/hosts -rwxr-xr-x sha256 6DDF9E4F40A0..\n"));
  EXPECT_THAT(lines_of_sample("netstat"), HasSubstr("vm: listens on 127.0.0.1 port 5432\n"));
  EXPECT_THAT(read_text(scratch.path() / "output"), HasSubstr("1 findings on 1 machines"));
}

TEST(DemoJobs, AreWholeAndRunOnceEach) {
  std::set<std::string> names, schedules;
  for (const DemoJob& job : jobs()) {
    EXPECT_TRUE(names.insert(job.name).second);
    const json action = json::parse(job.action);
    EXPECT_FALSE(action.at("target").get<std::string>().empty());
    EXPECT_EQ(action.at("operations").size(), 1U);
    const std::size_t start = job.entity.find("schedule = \"");
    ASSERT_NE(start, std::string::npos);
    const std::string schedule = job.entity.substr(start + 12, job.entity.find('"', start + 12) - start - 12);
    EXPECT_TRUE(schedules.insert(schedule).second) << schedule;
    EXPECT_EQ(job.entity.find("plugin = ") == std::string::npos, job.sendonly);
  }
  EXPECT_GE(names.size(), 5U);
  EXPECT_EQ(schedules.count("59 39 12 23 11 * 2026"), 1U);
  EXPECT_EQ(schedules.count("00 40 12 23 11 * 2026"), 1U);
}

TEST(DemoReport, ShortensLogLines) {
  EXPECT_EQ(shortened("2026-11-23T12:40:01.123Z info ports@2026-11-23T12:40:00Z: launched"),
            "ports@12:40:00: launched");
  EXPECT_EQ(shortened("2026-11-23T12:40:01.123Z warning late"), "warning late");
  EXPECT_EQ(shortened("[2026-11-23 12:40:01] a line"), "a line");
  EXPECT_EQ(shortened(std::string(500, 'x')).size(), 140U);
}

json command(const std::string& status, bool found) {
  return {{"status", status}, {"results", {{{"foundanything", found}, {"success", true}}}}};
}

TEST(DemoReport, CountsWhatTheResultFileHolds) {
  const ScratchDirectory scratch;
  const std::string job = "known-bad-hashes";
  json lost = command("expired", false);
  lost["results"] = nullptr;
  const json document = {{"commands", {command("success", true), command("success", false), lost}}};
  write_text(scratch.path() / "runners" / job / "results/20261123/123.json", document.dump());
  const DemoJob asked{job, "", "", "", false};

  const DemoOutcome before = outcome_of(asked, scratch.path(), {});
  EXPECT_FALSE(before.finished());
  EXPECT_THAT(complaints({before}, scratch.path(), "/tmp/decoy"),
              ElementsAre(HasSubstr("did not reach the plugin"), HasSubstr("planted file was not found")));

  write_text(scratch.path() / "findings" / (job + ".123.txt"), "a\nb\n");
  const DemoOutcome after =
      outcome_of(asked, scratch.path(), {"x info known-bad-hashes@2026-11-23T12:40:00Z: delivered to findings"});
  EXPECT_TRUE(after.finished());
  EXPECT_EQ(after.action_id, "123");
  EXPECT_EQ(after.asked, 3U);
  EXPECT_EQ(after.answered, 2U);
  EXPECT_EQ(after.found, 1U);
  EXPECT_EQ(after.delivered_lines, 2U);
  EXPECT_THAT(outcome_table({after}).at(1), HasSubstr("2 lines"));
}

TEST(DemoReport, WhatIsOnlySentIsDoneOnceLaunched) {
  const DemoJob asked{"fire", "", "", "", true};
  EXPECT_FALSE(outcome_of(asked, "/nonexistent", {"fired@x: launched as action 5"}).finished());
  const DemoOutcome sent = outcome_of(asked, "/nonexistent", {"info fire@x: launched as action 42 (sendonly)"});
  EXPECT_TRUE(sent.finished());
  EXPECT_EQ(sent.action_id, "42");
  EXPECT_TRUE(complaints({sent}, "/nonexistent", "").empty());
}

TEST(DemoTree, WantsADirectoryOfItsOwn) {
  const ScratchDirectory scratch;
  write_text(scratch.path() / "full" / "file", "x");
  EXPECT_THAT(DemoTree::create(scratch.path() / "full").error().text(), HasSubstr("is not empty"));
  EXPECT_THAT(DemoTree::create(scratch.path() / std::string(100, 'x')).error().text(), HasSubstr("too long"));
  const auto tree = DemoTree::create(scratch.path() / "new");
  ASSERT_TRUE(tree.has_value()) << tree.error().text();
  EXPECT_EQ(tree->root(), scratch.path() / "new");
}

TEST(DemoTree, MakesALockedKeyAndLeavesNoAgent) {
  const ScratchDirectory scratch;
  auto tree = DemoTree::create(scratch.path());
  ASSERT_TRUE(tree.has_value());
  const auto made = tree->make_key();
  ASSERT_TRUE(made.has_value()) << made.error().text() << read_text(scratch.path() / "gpg.log");
  EXPECT_THAT(read_text(tree->public_key()), HasSubstr("BEGIN PGP PUBLIC KEY BLOCK"));
  EXPECT_EQ(fs::status(scratch.path() / "passphrase").permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_FALSE(fs::is_empty(scratch.path() / "gnupg/private-keys-v1.d"));
  EXPECT_FALSE(fs::exists(scratch.path() / "gnupg/S.gpg-agent"));
  ASSERT_TRUE(tree->write_configuration(1664).has_value());
  EXPECT_THAT(read_text(scratch.path() / "client.cfg"), ::testing::ContainsRegex("keyid = [0-9A-F]{40}\n"));
  EXPECT_EQ(read_text(tree->runner_configuration()).find(read_text(scratch.path() / "passphrase")), std::string::npos);
}

TEST(DemoTree, TheDecoyHasItsHash) {
  const ScratchDirectory scratch;
  const auto tree = DemoTree::create(scratch.path());
  const auto places = tree->plant_decoy(1);
  ASSERT_TRUE(places.has_value());
  Child sum({"sha256sum", (places->decoy_directory / "updater.bin").string()}, scratch.path() / "sum");
  ASSERT_EQ(sum.wait(10s), 0);
  EXPECT_EQ(read_text(scratch.path() / "sum").substr(0, 64), places->decoy_sha256);
}

TEST(DemoChild, TellsHowItEnded) {
  const ScratchDirectory scratch;
  Child fine({"sh", "-c", "echo $WORD; exit 3"}, scratch.path() / "out", {{"WORD", "hello"}});
  EXPECT_EQ(fine.wait(10s), 3);
  EXPECT_EQ(read_text(scratch.path() / "out"), "hello\n");
  Child missing({"/nonexistent/program"}, scratch.path() / "out");
  EXPECT_EQ(missing.wait(10s), 127);
  Child patient({"sleep", "100"}, scratch.path() / "out");
  EXPECT_TRUE(patient.running());
  EXPECT_EQ(patient.terminate(10s), 128 + 15);
}

TEST(DemoLogTail, GivesWholeLinesOnce) {
  const ScratchDirectory scratch;
  const fs::path file = scratch.path() / "log";
  LogTail tail(file);
  EXPECT_TRUE(tail.new_lines().empty());
  write_text(file, "one\ntw");
  EXPECT_THAT(tail.new_lines(), ElementsAre("one"));
  std::ofstream(file, std::ios::app) << "o\nthree\n";
  EXPECT_THAT(tail.new_lines(), ElementsAre("two", "three"));
  EXPECT_TRUE(tail.new_lines().empty());
}

}  // namespace
}  // namespace mig_sandbox::test

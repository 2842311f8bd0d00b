#include "plugin/plugin.h"

#include <gmock/gmock.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include "support/scratch_directory.h"

namespace mig_runner::plugin {
namespace {

using namespace std::chrono_literals;
using Kind = Outcome::Kind;

class PluginTest : public testing::Test {
 protected:
  PluginTest() { request.timeout = 20s; }
  Result<Outcome> run_script(const std::string& script, std::stop_token stop = {}) {
    request.executable = directory.path() / "plugin";
    test::write_text(request.executable, "#!/bin/sh\n" + script + "\n");
    std::filesystem::permissions(request.executable, std::filesystem::perms::owner_all);
    return run_request(stop);
  }
  Result<Outcome> run_request(std::stop_token stop = {}) {
    request.input = directory.path() / "input";
    request.working_directory = directory.path();
    if (!std::filesystem::exists(request.input)) test::write_text(request.input, "input\n");
    return run(
        request,
        [this](bool is_stderr, std::string_view text) {
          lines.push_back((is_stderr ? "2 " : "1 ") + std::string(text));
        },
        stop);
  }
  std::string file(const std::string& name) { return test::read_text(directory.path() / name); }

  test::ScratchDirectory directory;
  Request request;
  std::vector<std::string> lines;
};

TEST_F(PluginTest, ReadsItsInputAndSucceeds) {
  const auto outcome = run_script("cat > copy; echo done; echo oops >&2").value();
  EXPECT_EQ(outcome.kind, Kind::succeeded);
  EXPECT_EQ(file("copy"), "input\n");
  EXPECT_THAT(lines, testing::UnorderedElementsAre("1 done", "2 oops"));
}

TEST_F(PluginTest, ExitCodesAndSignals) {
  EXPECT_EQ(run_script("exit 75").value().kind, Kind::try_later);
  EXPECT_EQ(run_script("exit 3").value().kind, Kind::failed);
  EXPECT_EQ(run_script("exit 3").value().text(), "exit 3");
  EXPECT_EQ(run_script("kill -SEGV $$").value().text(), "killed by SIGSEGV");
}

TEST_F(PluginTest, TakesALargeInputWhetherItIsReadOrNot) {
  test::write_text(directory.path() / "input", std::string(50'000'000, 'x'));
  EXPECT_EQ(run_script("wc -c").value().kind, Kind::succeeded);
  EXPECT_THAT(lines, testing::ElementsAre("1 50000000"));
  EXPECT_EQ(run_script("exit 0").value().kind, Kind::succeeded);
}

TEST_F(PluginTest, OutputIsCapped) {
  request.max_output_lines = 3;
  request.max_line_bytes = 5;
  const auto outcome = run_script("seq 100; printf 'no newline'").value();
  EXPECT_EQ(outcome.dropped_lines, 98U);
  EXPECT_THAT(lines, testing::ElementsAre("1 1", "1 2", "1 3"));
  lines.clear();
  run_script("echo 123456789; printf abcdefgh").value();
  EXPECT_THAT(lines, testing::ElementsAre("1 12345 [cut]", "1 abcde [cut]"));
}

TEST_F(PluginTest, AFloodOfOutputEndsAtTheTimeout) {
  request.timeout = 300ms;
  EXPECT_EQ(run_script("yes").value().kind, Kind::timed_out);
}

TEST_F(PluginTest, TheTimeoutEndsTheWholeGroup) {
  request.timeout = 300ms;
  EXPECT_EQ(run_script("sleep 1000 & echo $! > child; trap '' TERM; while :; do sleep 1; done").value().kind,
            Kind::timed_out);
  const auto child = std::stoi(file("child"));
  // Killed, and then reaped by whoever inherits it; a zombie no longer has a command line.
  EXPECT_EQ(test::read_text("/proc/" + std::to_string(child) + "/cmdline"), "");
}

TEST_F(PluginTest, AGrandchildThatKeepsTheOutputOpenIsNotWaitedFor) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run_script("echo now; sleep 5 & exit 0").value().kind, Kind::succeeded);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  EXPECT_THAT(lines, testing::ElementsAre("1 now"));
}

TEST_F(PluginTest, AStopRequestEndsItSoon) {
  std::stop_source stop;
  std::jthread stopper([&] {
    while (file("ready").empty()) std::this_thread::yield();
    stop.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run_script("trap '' TERM; echo x > ready; sleep 30", stop.get_token()).value().kind, Kind::stopped);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
}

TEST_F(PluginTest, WhatCannotBeStartedIsSaid) {
  request.executable = directory.path() / "missing";
  EXPECT_THAT(run_request().error().text(), testing::HasSubstr("no such plugin"));
  request.executable = directory.path();
  EXPECT_THAT(run_request().error().text(), testing::HasSubstr("not a file"));
  test::write_text(directory.path() / "plain", "#!/bin/sh\n");
  request.executable = directory.path() / "plain";
  EXPECT_THAT(run_request().error().text(), testing::HasSubstr("chmod +x"));
}

TEST_F(PluginTest, InheritsNoSecretAndNoDescriptor) {
  setenv("MIGPGPPASSPHRASE", "hush", 1);
  setenv("SIEM_ADDRESS", "siem.example.net", 1);
  request.environment = {{"MIG_RUNNER_JOB", "disk"}};
  run_script("env > environment; ls -l /proc/self/fd | grep -c ' [0-9]* -> '").value();
  unsetenv("MIGPGPPASSPHRASE");
  unsetenv("SIEM_ADDRESS");
  EXPECT_THAT(file("environment"), testing::Not(testing::HasSubstr("hush")));
  EXPECT_THAT(file("environment"), testing::HasSubstr("MIG_RUNNER_JOB=disk"));
  EXPECT_THAT(file("environment"), testing::HasSubstr("SIEM_ADDRESS=siem.example.net")) << "as under the original";
  EXPECT_THAT(lines, testing::ElementsAre("1 4"));  // three standard ones and the directory that ls reads
}

}  // namespace
}  // namespace mig_runner::plugin

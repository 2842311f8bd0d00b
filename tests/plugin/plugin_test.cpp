#include "plugin/plugin.h"

#include <gmock/gmock.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include "base/children.h"
#include "base/file.h"
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
    if (!exists(std::filesystem::symlink_status(request.input))) test::write_text(request.input, "input\n");
    return run(
        request,
        [this](bool is_stderr, std::string_view text) {
          lines.push_back((is_stderr ? "2 " : "1 ") + std::string(text));
          if (text == "stop now") stopped.request_stop();
        },
        stop);
  }
  std::string file(const std::string& name) { return test::read_text(directory.path() / name); }

  test::ScratchDirectory directory;
  Request request;
  std::vector<std::string> lines;
  std::stop_source stopped;  // by the plugin's line "stop now"
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

TEST_F(PluginTest, NothingOfTheGroupOutlivesATimeout) {
  request.timeout = 300ms;
  EXPECT_EQ(run_script("sh -c \"trap '' TERM; echo x; while :; do sleep 0.05; done\" & echo $! > child; exec sleep 30")
                .value()
                .kind,
            Kind::timed_out);
  EXPECT_EQ(test::read_text("/proc/" + std::to_string(std::stoi(file("child"))) + "/cmdline"), "");
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

// Many programs exit 0 on SIGTERM, with their work undone.
TEST_F(PluginTest, OneThatWasToldToEndHasNotSucceeded) {
  request.timeout = 300ms;
  EXPECT_EQ(run_script("trap 'exit 0' TERM; while :; do sleep 0.01; done").value().kind, Kind::timed_out);
  EXPECT_EQ(run_script("trap 'exit 75' TERM; while :; do sleep 0.01; done").value().kind, Kind::timed_out);
}

TEST_F(PluginTest, OneThatHeedsSigtermEndsAtOnce) {
  request.timeout = 300ms;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run_script("exec sleep 30").value().signal, SIGTERM);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1900ms) << "2 s are for those that do not";
}

// A plugin that changed its user (sudo): this thread may not signal it, as an ordinary user's runner may not.
class OtherUserTest : public PluginTest {
 protected:
  // Of this thread alone; a program that it starts has all of root's capabilities again.
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can start a process of another user";
    set_kill(false);
  }
  void TearDown() override {
    if (geteuid() == 0) set_kill(true);
    for (const auto& line : lines)
      if (line.starts_with("1 pid ")) kill(std::stoi(line.substr(6)), SIGKILL);
    while (waitpid(-1, nullptr, 0) > 0) continue;
  }
  static void set_kill(bool on) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    syscall(SYS_capget, &header, data);
    const auto bit = 1U << CAP_KILL;
    data[0].effective = on ? data[0].effective | bit : data[0].effective & ~bit;
    syscall(SYS_capset, &header, data);
  }
  Result<Outcome> run_as_other(const std::string& command, std::stop_token stop = {}) {
    return run_script("echo pid $$; exec setpriv --reuid 65534 --clear-groups /bin/sh -c '" + command + "'", stop);
  }
};

TEST_F(OtherUserTest, OneThatCannotBeEndedIsGivenUp) {
  request.timeout = 300ms;
  const auto begin = std::chrono::steady_clock::now();
  const auto outcome = run_as_other("sleep 30").value();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_EQ(outcome.kind, Kind::timed_out);
  EXPECT_EQ(outcome.text(), "it ran longer than plugintimeout and could not be ended: it runs as another user");
}

TEST_F(OtherUserTest, AStopDoesNotWaitForIt) {
  const auto begin = std::chrono::steady_clock::now();
  const auto outcome = run_as_other("echo stop now; sleep 30", stopped.get_token()).value();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  EXPECT_EQ(outcome.kind, Kind::stopped);
  EXPECT_EQ(outcome.text(), "it could not be ended when the runner stopped: it runs as another user");
}

TEST_F(OtherUserTest, OneThatNoSignalReachedIsJudgedByItsEnd) {
  request.timeout = 300ms;
  EXPECT_EQ(run_as_other("sleep 1").value().kind, Kind::succeeded);
  EXPECT_EQ(run_as_other("sleep 1; exit 3").value().text(), "exit 3");
}

// A signal that another of its group got says nothing about the plugin.
TEST_F(OtherUserTest, OneIsJudgedByItsEndThoughASignalReachedItsChild) {
  request.timeout = 300ms;
  const auto outcome =
      run_script("sleep 30 & exec setpriv --reuid 65534 --clear-groups /bin/sh -c 'sleep 1; echo end'").value();
  EXPECT_EQ(outcome.kind, Kind::succeeded) << outcome.text();
  EXPECT_THAT(lines, testing::ElementsAre("1 end"));
}

TEST_F(OtherUserTest, OneThatWasGivenUpIsReapedLater) {
  request.timeout = 300ms;
  ASSERT_FALSE(run_as_other("sleep 30").value().still_runs.empty());
  ASSERT_THAT(lines, testing::ElementsAre(testing::StartsWith("1 pid ")));
  const auto process = std::stoi(lines.front().substr(6));
  set_kill(true);
  ASSERT_EQ(kill(process, SIGKILL), 0);
  siginfo_t ended{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(process), &ended, WEXITED | WNOWAIT), 0);
  reap_orphans();
  EXPECT_EQ(kill(process, 0), -1);
}

TEST_F(PluginTest, WhatIsLeftRunningAfterSuccessGoesOn) {
  EXPECT_EQ(run_script("sleep 30 >/dev/null 2>&1 & echo $! > child").value().kind, Kind::succeeded);
  const auto child = std::stoi(file("child"));
  EXPECT_EQ(kill(child, SIGKILL), 0);
}

TEST_F(PluginTest, OutputMayBeAnything) {
  run_script("printf 'a\\000b\\377\\r\\n\\n\\033[31m\\n'").value();
  EXPECT_THAT(lines, testing::ElementsAre(std::string("1 a\0b\xff\r", 7), "1 ", "1 \x1b[31m"));
}

TEST_F(PluginTest, AVeryLongLineIsCutWithoutBeingKept) {
  request.max_line_bytes = 100;
  run_script("head -c 30000000 /dev/zero | tr '\\0' x; echo; echo next").value();
  EXPECT_THAT(lines, testing::ElementsAre("1 " + std::string(100, 'x') + " [cut]", "1 next"));
}

TEST_F(PluginTest, AFloodOfLinesIsCounted) {
  const auto outcome = run_script("seq 300000").value();
  EXPECT_EQ(lines.size(), 1000U);
  EXPECT_EQ(outcome.dropped_lines, 299'000U);
}

// A shell would put some of it right by itself; sed does not.
TEST_F(PluginTest, StartsWithTheDefaultSignals) {
  signal(SIGPIPE, SIG_IGN);
  sigset_t blocked, before;
  sigfillset(&blocked);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  request.executable = directory.path() / "plugin";
  test::write_text(request.executable, "#!/bin/sed -nf\nr /proc/self/status\n");
  std::filesystem::permissions(request.executable, std::filesystem::perms::owner_all);
  run_request().value();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  signal(SIGPIPE, SIG_DFL);
  int seen = 0;
  for (const auto& line : lines) {
    if (!line.starts_with("1 SigBlk:\t") && !line.starts_with("1 SigIgn:\t")) continue;
    ++seen;
    // Without 32 and 33, which the C library keeps for itself.
    EXPECT_EQ(std::stoull(line.substr(10), nullptr, 16) & 0x7FFFFFFFU, 0U) << line;
  }
  EXPECT_EQ(seen, 2);
}

// Then nobody is told how a child ended.
TEST_F(PluginTest, AnExitStatusThatIsLostIsNoSuccess) {
  signal(SIGCHLD, SIG_IGN);
  const auto outcome = run_script("sleep 0.2");
  signal(SIGCHLD, SIG_DFL);
  ASSERT_TRUE(outcome) << outcome.error().text();
  EXPECT_EQ(outcome->kind, Kind::failed);
  EXPECT_THAT(outcome->text(), testing::HasSubstr("lost"));
}

TEST_F(PluginTest, RunsInItsDirectoryAndAGroupOfItsOwn) {
  run_script("pwd -P; echo $$; cut -d' ' -f5 /proc/$$/stat").value();
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], "1 " + std::filesystem::canonical(directory.path()).string());
  EXPECT_EQ(lines[1], lines[2]);
}

TEST_F(PluginTest, SeveralRunSideBySideWithoutSharingDescriptors) {
  request.executable = directory.path() / "plugin";
  test::write_text(request.executable, "#!/bin/sh\nls /proc/self/fd | wc -l\n");
  std::filesystem::permissions(request.executable, std::filesystem::perms::owner_all);
  request.input = request.executable;
  request.working_directory = directory.path();
  std::vector<std::string> seen(8);
  {
    std::vector<std::jthread> threads;
    for (auto& text : seen)
      threads.emplace_back([&] {
        for (int i = 0; i < 10; ++i)
          EXPECT_EQ(run(request, [&](bool, std::string_view line) { text = line; }, {}).value().exit_code, 0);
      });
  }
  EXPECT_THAT(seen, testing::Each("4"));  // three standard ones and the directory that ls reads
}

TEST_F(PluginTest, WhatCannotBeStartedIsSaid) {
  request.executable = directory.path() / "missing";
  EXPECT_THAT(run_request().error().text(), testing::HasSubstr("no such plugin"));
  EXPECT_EQ(run_request().error().retry, Retry::no) << "the plugin's own fault";
  request.executable = directory.path();
  EXPECT_THAT(run_request().error().text(), testing::HasSubstr("not a file"));
  test::write_text(directory.path() / "plain", "#!/bin/sh\n");
  request.executable = directory.path() / "plain";
  EXPECT_THAT(run_request().error().text(), testing::HasSubstr("chmod +x"));
  std::filesystem::permissions(request.executable, std::filesystem::perms::owner_all);
  test::write_text(request.executable, "exit 0\n");
  EXPECT_THAT(run_request().error().text(), testing::HasSubstr("#!"));
  test::write_text(request.executable, "#!/no/such/interpreter\n");
  EXPECT_EQ(run_request().error().retry, Retry::no);
}

// An error is not an absence: what keeps this process from starting any program says nothing about this one.
TEST_F(PluginTest, WhatKeepsAnyPluginFromStartingIsTriedAgain) {
  run_script("exit 0").value();
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  std::vector<UniqueFd> all;
  const rlimit few{64, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &few);
  for (UniqueFd next(dup(1)); next; next = UniqueFd(dup(1))) all.push_back(std::move(next));
  const auto outcome = run_request();
  setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().retry, Retry::later);
  request.executable = directory.path() / "loop";
  std::filesystem::create_symlink("loop", request.executable);
  EXPECT_EQ(run_request().error().retry, Retry::later);
}

TEST_F(PluginTest, AnInputThatIsNoFileIsSaid) {
  run_script("exit 0").value();
  std::filesystem::remove(directory.path() / "input");
  std::filesystem::create_directory(directory.path() / "input");
  EXPECT_THAT(run_request().error().text(), testing::HasSubstr("not a regular file"));
  std::filesystem::remove(directory.path() / "input");
  mkfifo((directory.path() / "input").c_str(), 0600);
  EXPECT_THAT(run_request().error().text(), testing::HasSubstr("not a regular file"));
  std::filesystem::remove(directory.path() / "input");
  std::filesystem::create_symlink("nowhere", directory.path() / "input");
  const auto outcome = run_request();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().retry, Retry::later);
}

TEST_F(PluginTest, WhatIsGivenReplacesWhatIsInherited) {
  setenv("TZ", "Europe/Oslo", 1);
  setenv("LC_TIME", "C", 1);
  request.environment = {{"TZ", "UTC"}};
  run_script("env > environment").value();
  unsetenv("TZ");
  unsetenv("LC_TIME");
  EXPECT_THAT(file("environment"), testing::HasSubstr("TZ=UTC\n"));
  EXPECT_THAT(file("environment"), testing::HasSubstr("LC_TIME=C\n"));
  EXPECT_THAT(file("environment"), testing::Not(testing::HasSubstr("Oslo")));
}

TEST_F(PluginTest, InheritsNoSecretAndNoDescriptor) {
  setenv("MIGPGPPASSPHRASE", "hush", 1);
  setenv("SIEM_ADDRESS", "siem.example.net", 1);
  request.environment = {{"MIG_RUNNER_JOB", "disk"}};
  const UniqueFd leaked(dup(1));  // as a library may open one, without O_CLOEXEC
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

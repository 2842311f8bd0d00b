// The operator's commands beside a running runner, as they are typed.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <pty.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <sstream>
#include <system_error>
#include <thread>

#include "base/child.h"
#include "e2e/world.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const char* const kOnceAYear = "schedule = \"0 0 1 1 *\"\nexpiry = 2s\nplugin = save\n";

std::string program() {
  return std::string(MIG_BINARY_DIR) + "/src/cli/mig-runner";
}

struct Command {
  int status = -1;
  std::string output;
};

struct Operator : World {
  Operator() {
    start_sandbox();
    plugin("save", "cat >> received; echo >> deliveries");
  }

  void start() {
    start_runner();
    ASSERT_TRUE(eventually([&] { return log_has("Following "); })) << log();
  }

  Command type(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program());
    arguments.insert(arguments.end(), {"-c", path("runner.cfg")});
    const auto output = path("command-" + std::to_string(++commands_));
    Process process(arguments, output);
    return {process.wait().value_or(-1), read_text(output)};
  }

  // On a terminal of 60 columns.
  Command type_on_terminal(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program());
    arguments.insert(arguments.end(), {"-c", path("runner.cfg")});
    const winsize size{24, 60, 0, 0};
    int terminal = -1;
    int program_end = -1;
    char name[PATH_MAX];
    if (openpty(&terminal, &program_end, name, nullptr, &size) != 0)
      throw std::system_error(errno, std::generic_category(), "no terminal can be made");
    auto environment = environment_with({{"TERM", "xterm"}});
    std::erase_if(environment, [](const auto& variable) { return variable.starts_with("NO_COLOR="); });
    const Stream stream{-1, name, O_RDWR};
    auto child = Child::start({.arguments = std::move(arguments),
                               .environment = std::move(environment),
                               .input = stream,
                               .output = stream,
                               .errors = stream,
                               .group = Program::Group::session});
    close(program_end);
    if (!child) throw std::system_error(child.error(), std::generic_category(), "the runner does not start");
    Command command;
    char buffer[4096];
    for (ssize_t size_read = 0; (size_read = read(terminal, buffer, sizeof buffer)) > 0;)
      command.output.append(buffer, static_cast<std::size_t>(size_read));
    close(terminal);
    command.status = child->wait().exit_code;
    return command;
  }

  std::string run_name(const std::string& job) {
    auto name = type({"history", job, "-n", "1", "--plain"}).output;
    if (!name.empty()) name.pop_back();
    return name;
  }
  std::size_t deliveries() const {
    return std::filesystem::exists(path("tree/deliveries")) ? file("tree/deliveries").size() : 0;
  }

 private:
  int commands_ = 0;
};

// As many columns as a line of UTF-8 takes.
std::ptrdiff_t columns(const std::string& line) {
  return std::count_if(line.begin(), line.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
}

// A line as it stands on the terminal, without colours.
std::string visible(const std::string& text) {
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      while (i < text.size() && std::isalpha(static_cast<unsigned char>(text[i])) == 0) ++i;
    } else {
      shown += text[i];
    }
  }
  return shown;
}

TEST(Operator, LaunchesAndFollowsToTheDelivery) {
  Operator world;
  world.job("packages", kOnceAYear);
  world.start();
  const auto launch = world.type({"launch", "packages", "--wait"});
  EXPECT_EQ(launch.status, 0) << launch.output;
  EXPECT_THAT(launch.output, testing::ContainsRegex("packages@[^ ]*: posted as action [0-9]+\n"));
  EXPECT_THAT(launch.output,
              testing::ContainsRegex("packages@[^ ]*: delivered, 1 command collected, delivered to save\n"));
  EXPECT_THAT(launch.output, Not(HasSubstr("\x1b"))) << "no terminal, no colours";
  EXPECT_EQ(world.posts_of("packages"), 1);
  EXPECT_EQ(world.deliveries(), 1U);

  const auto status = world.type({"status", "--json"});
  EXPECT_EQ(status.status, 0);
  EXPECT_EQ(nlohmann::json::parse(status.output).at("running"), true);
  const auto show = world.type({"show", world.run_name("packages")});
  EXPECT_THAT(show.output, HasSubstr("success"));
  EXPECT_THAT(world.type({"results", "packages"}).output, HasSubstr("1 agent answered"));
}

TEST(Operator, ShowsProgressOnATerminal) {
  Operator world;
  world.job("packages", kOnceAYear);
  world.start();
  const auto launch = world.type_on_terminal({"launch", "packages", "--wait"});
  EXPECT_EQ(launch.status, 0) << launch.output;
  EXPECT_THAT(launch.output, HasSubstr("expires in "));
  EXPECT_THAT(launch.output, HasSubstr("\x1b[32mdelivered\x1b[0m"));
  std::istringstream lines(launch.output);
  for (std::string line; std::getline(lines, line, '\r');) {
    if (line.find("[#") == std::string::npos) continue;
    EXPECT_LT(columns(visible(line)), 60) << line;
  }
  EXPECT_THAT(launch.output, HasSubstr("[#"));

  const auto list = world.type_on_terminal({"list"});
  std::istringstream rows(visible(list.output));
  for (std::string row; std::getline(rows, row, '\n');) EXPECT_LE(columns(row), 64) << row;
}

TEST(Operator, SaysWhatBecameOfALaunchThatReachesNobody) {
  Operator world;
  world.job("wrong", kOnceAYear, R"({"target":"nonsense = (","operations":[{"module":"pkg","parameters":{}}]})");
  world.job(
      "nobody", kOnceAYear,
      R"({"target":"name = 'nobody'","operations":[{"module":"pkg","parameters":{"pkgmatch":{"matches":["x"]}}}]})");
  world.start();
  const auto launch = world.type({"launch", "nobody", "--wait"});
  EXPECT_EQ(launch.status, 1);
  EXPECT_THAT(launch.output,
              HasSubstr("delivered, no agents, 0 commands collected, delivered to save: no agent matched "
                        "its target \"name = 'nobody'\""));
  const auto wrong = world.type({"launch", "wrong", "--wait"});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.output, HasSubstr("invalid: the API cannot use its target \"nonsense = (\": pq: "));
}

TEST(Operator, PausesOverARestart) {
  Operator world;
  world.job("often", "schedule = \"* * * * * * *\"\nexpiry = 60s\nsendonly = true\n");
  world.start();
  ASSERT_TRUE(eventually([&] { return world.posts_of("often") > 0; })) << world.log();
  EXPECT_EQ(world.type({"pause", "often"}).status, 0);
  ASSERT_TRUE(eventually([&] {
    const auto before = world.posts_of("often");
    std::this_thread::sleep_for(1100ms);
    return world.posts_of("often") == before;
  }));
  EXPECT_EQ(world.stop_runner(), 0);
  const auto posted = world.posts_of("often");
  world.start();
  EXPECT_FALSE(eventually([&] { return world.posts_of("often") > posted; }, 1500ms)) << world.log();
  EXPECT_THAT(world.type({"list"}).output, HasSubstr("paused"));
  EXPECT_EQ(world.type({"resume", "often"}).status, 0);
  EXPECT_TRUE(eventually([&] { return world.posts_of("often") > posted; })) << world.log();
  EXPECT_FALSE(world.log_has("missed"));
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(Operator, DeliversAndCollectsAgain) {
  Operator world;
  world.job("packages", kOnceAYear);
  world.start();
  ASSERT_EQ(world.type({"launch", "packages", "--wait"}).status, 0);
  const auto run = world.run_name("packages");

  EXPECT_EQ(world.type({"redeliver", run}).status, 0);
  EXPECT_TRUE(eventually([&] { return world.deliveries() == 2; })) << world.log();

  const auto shown = nlohmann::json::parse(world.type({"show", run, "--json"}).output);
  std::filesystem::remove(shown.at("path").get<std::string>());
  EXPECT_EQ(world.type({"show", run}).status, 1) << "its file is gone";
  EXPECT_TRUE(eventually([&] { return world.type({"collect", run}).status == 0; })) << "once nobody works on it";
  EXPECT_TRUE(eventually([&] { return world.deliveries() == 3; })) << world.log();
  EXPECT_EQ(world.type({"show", run}).status, 0);
  EXPECT_EQ(world.stop_runner(), 0);
  EXPECT_EQ(world.type({"status"}).status, 1) << "nobody is at work";
}

TEST(Operator, ChecksAgainstTheApi) {
  Operator world;
  world.job("packages", kOnceAYear);
  world.job(
      "nobody", kOnceAYear,
      R"({"target":"name = 'nobody'","operations":[{"module":"pkg","parameters":{"pkgmatch":{"matches":["x"]}}}]})");
  world.write_configuration();
  const auto right = world.type({"check", "--online"});
  EXPECT_EQ(right.status, 0) << right.output;
  EXPECT_THAT(right.output, testing::ContainsRegex("packages +1  status='online'"));
  EXPECT_THAT(right.output, HasSubstr("the target matches no active agent"));

  world.gpg_settings = "useapikeyauth = \"wrong\"\n";
  world.write_configuration();
  EXPECT_THAT(world.type({"check", "--online"}).output, HasSubstr("the API does not let this key in"));

  world.stop_sandbox();
  const auto away = world.type({"check", "--online", "--json"});
  EXPECT_EQ(away.status, 1);
  EXPECT_EQ(nlohmann::json::parse(away.output).at("online").at("reachable"), false) << away.output;
}

TEST(Operator, IsToldWhenTheRunnerStopsMeanwhile) {
  Operator world;
  world.job("slow", "schedule = \"0 0 1 1 *\"\nexpiry = 60s\n");
  world.start();
  Process launch({program(), "launch", "slow", "--wait", "-c", world.path("runner.cfg")}, world.path("launch.log"));
  ASSERT_TRUE(eventually([&] { return launch.output().find("posted") != std::string::npos; })) << launch.output();
  EXPECT_EQ(world.stop_runner(), 0);
  EXPECT_EQ(launch.wait(), 1);
  EXPECT_THAT(launch.output(), HasSubstr("the runner has stopped; the run goes on when it starts again"));
}

}  // namespace
}  // namespace mig_runner::test

// Somebody else may write in the tree, or to the record of runs: the real runner posts and executes nothing for them.

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "e2e/world.h"
#include "store/run_store.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using store::RunState;
using testing::HasSubstr;
using testing::Not;

namespace fs = std::filesystem;

constexpr auto kYearly = "schedule = \"0 0 1 1 *\"\nexpiry = 1s\n";
constexpr uid_t kRunner = 4711, kStranger = 4712;

struct HostileWorld : World {
  HostileWorld() { start_sandbox({"--agents", "2", "--silent", "0", "--late", "0"}); }

  // Its exit status and what it printed.
  std::pair<int, std::string> command(std::vector<std::string> arguments, uid_t user = 0) const {
    arguments.insert(arguments.begin(), std::string(MIG_BINARY_DIR) + "/src/cli/mig-runner");
    arguments.insert(arguments.end(), {"-c", path("runner.cfg")});
    const ScratchDirectory scratch;
    Process process(as(user, std::move(arguments)), scratch.path() / "output");
    const auto status = process.wait().value_or(-1);
    return {status, process.output()};
  }
  static std::vector<std::string> as(uid_t user, std::vector<std::string> arguments) {
    if (user == 0) return arguments;
    const auto id = std::to_string(user);
    arguments.insert(arguments.begin(), {"setpriv", "--reuid=" + id, "--regid=" + id, "--clear-groups"});
    return arguments;
  }

  void launch(const std::string& job) const { EXPECT_EQ(command({"launch", job}).first, 0); }
  std::optional<store::Run> newest(const std::string& job) const {
    auto opened = store::RunStore::open_beside(database(), "test");
    if (!opened) return std::nullopt;
    auto runs = (*opened)->history(job, 1);
    return runs && !runs->empty() ? std::optional(runs->front()) : std::nullopt;
  }
  bool is(const std::string& job, RunState state) const {
    const auto run = newest(job);
    return run && run->state == state;
  }
  bool waits_for_mending(const std::string& job) const {
    const auto run = newest(job);
    return run && run->state == RunState::due && !run->reason.empty();
  }
  // As somebody does who may write to the record of runs, as soon as nobody works on the run.
  template <class Change>
  void change(const std::string& job, Change write) const {
    EXPECT_TRUE(eventually([&] {
      auto opened = store::RunStore::open_beside(database(), "test");
      auto run = newest(job);
      if (!opened || !run) return false;
      const auto from = run->state;
      write(*run);
      return (*opened)->repair({from, *run, {}}).has_value();
    }));
  }
  fs::path database() const { return path("tree/state/runs.db"); }
  // All of it belongs to the user, and the runner has been told where a key of his lies.
  void give_to(uid_t user) {
    write_configuration();
    fs::copy(keyring().home / "secring.gpg", path("gnupg/secring.gpg"));
    auto text = file("migrc");
    const auto home = keyring().home.string();
    text.replace(text.find(home), home.size(), path("gnupg").string());
    write_text(path("migrc"), text);
    run_command({"chown", "-R", std::to_string(user) + ":" + std::to_string(user), directory.path()});
  }
  void start_as(uid_t user, std::map<std::string, std::string> environment = {}) {
    environment.emplace("TZ", "UTC");
    runner = std::make_unique<Process>(
        as(user, {std::string(MIG_BINARY_DIR) + "/src/cli/mig-runner", "-c", path("runner.cfg")}), path("runner.log"),
        environment);
  }
  bool started() const { return log_has("Following "); }
};

TEST(HostileTree, ARowOfTheRecordReachesNoOtherProgramAndNoOtherFile) {
  HostileWorld world;
  write_text(world.path("evil"), "#!/bin/sh\ntouch \"" + world.path("executed").string() + "\"\n");
  fs::permissions(world.path("evil"), fs::perms::owner_all);
  world.plugin("save", "[ -e ready ] || exit 75; cat > \"delivered-$MIG_RUNNER_JOB\"");
  for (const auto* job : {"gone", "here", "file"}) world.job(job, std::string(kYearly) + "plugin = save\n");
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.started(); })) << world.log();
  for (const auto* job : {"gone", "here", "file"}) world.launch(job);
  for (const auto* job : {"gone", "here", "file"})
    ASSERT_TRUE(eventually([&] { return world.is(job, RunState::stored); })) << world.log();
  fs::remove_all(world.path("tree/runners/gone/entity.cfg"));
  fs::remove_all(world.path("tree/runners/gone/action.json"));
  ASSERT_TRUE(eventually([&] { return world.log_has("gone: job removed"); })) << world.log();
  const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  for (const auto* job : {"gone", "here"})
    world.change(job, [&](store::Run& run) {
      run.plugin = "../../evil";
      run.wake = now;
    });
  world.change("file", [&](store::Run& run) {
    run.result_file = "../migrc";
    run.wake = now;
  });
  write_text(world.path("tree/ready"), "");
  EXPECT_TRUE(eventually([&] { return world.is("here", RunState::delivered); })) << world.log();
  EXPECT_TRUE(eventually([&] { return world.log_count("which is refused") >= 2; })) << world.log();
  EXPECT_FALSE(fs::exists(world.path("executed")));
  EXPECT_TRUE(fs::exists(world.path("migrc")));
  EXPECT_THAT(world.command({"show", "gone"}).second, HasSubstr("\"../../evil\" as its plugin, which is refused"));
  EXPECT_THAT(world.command({"show", "file"}).second, HasSubstr("\"../migrc\" as its result file, which is refused"));
  EXPECT_THAT(world.command({"history", "file", "--json"}).second, HasSubstr("which is refused"));
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(HostileTree, FifosInThePlaceOfResultsHoldUpNeitherDeliveriesNorTheEnd) {
  HostileWorld world;
  world.plugin("save", "[ -e ready ] || exit 75; cat > \"delivered-$MIG_RUNNER_JOB\"");
  const std::vector<std::string> jobs{"a", "b", "c", "d", "e"};
  for (const auto& job : jobs) world.job(job, std::string(kYearly) + "plugin = save\n");
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.started(); })) << world.log();
  for (const auto& job : jobs) world.launch(job);
  for (const auto& job : jobs) ASSERT_TRUE(eventually([&] { return world.is(job, RunState::stored); })) << world.log();
  for (const auto& job : jobs) {
    if (job == "e") continue;
    const auto result = world.path("tree") / world.newest(job)->result_file;
    fs::remove(result);
    mkfifo(result.c_str(), 0600);
  }
  write_text(world.path("tree/ready"), "");
  for (const auto& job : jobs) world.command({"redeliver", job});
  EXPECT_TRUE(eventually([&] { return world.is("e", RunState::delivered); })) << world.log();
  EXPECT_TRUE(eventually([&] { return world.log_count("it is not a regular file") == 4; })) << world.log();
  EXPECT_TRUE(fs::is_fifo(world.path("tree") / world.newest("a")->result_file));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(world.stop_runner(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST(HostileTree, WhatOthersMayWriteIsNotLaunchedAndCheckSaysTheSame) {
  HostileWorld world;
  for (const auto* plugin : {"save", "open", "shared", "strange"}) world.plugin(plugin, "cat > /dev/null");
  const std::map<std::string, std::string> jobs{{"good", "save"},        {"group", "shared"},
                                                {"open-plugin", "open"}, {"open-plugin-2", "open"},
                                                {"strange", "strange"},  {"open-action", "save"}};
  for (const auto& [job, plugin] : jobs) world.job(job, kYearly + ("plugin = " + plugin + "\n"));
  chmod(world.path("tree/plugins/open").c_str(), 0777);
  chmod(world.path("tree/plugins/shared").c_str(), 0775);
  ASSERT_EQ(chown(world.path("tree/plugins/strange").c_str(), kStranger, kStranger), 0);
  chmod(world.path("tree/runners/open-action/action.json").c_str(), 0666);
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.started(); })) << world.log();
  EXPECT_EQ(world.log_count("may write to " + world.path("tree/plugins/open").string() + ","), 1) << world.log();
  for (const auto& [job, plugin] : jobs) world.launch(job);
  for (const auto* job : {"open-plugin", "open-plugin-2", "strange", "open-action"}) {
    EXPECT_TRUE(eventually([&] { return world.waits_for_mending(job); })) << world.log();
    EXPECT_EQ(world.posts_of(job), 0);
  }
  for (const auto* job : {"good", "group"})
    EXPECT_TRUE(eventually([&] { return world.is(job, RunState::delivered); })) << world.log();

  const auto [status, told] = world.command({"check"});
  EXPECT_EQ(status, 1);
  const auto tree = world.path("tree").string();
  EXPECT_THAT(told,
              HasSubstr(tree + "/plugins/open: error: everybody may write to it, and so decide what is executed as "
                               "the runner's user: chmod o-w (jobs open-plugin, open-plugin-2)"));
  EXPECT_THAT(told, HasSubstr(tree + "/plugins/shared: warning: the group root (0) may write to it"));
  EXPECT_THAT(told, HasSubstr(tree + "/plugins/strange: error: the user 4712 owns it"));
  EXPECT_THAT(told, HasSubstr(tree + "/runners/open-action/action.json: error: everybody may write to it"));
  // Mended, it is launched at its next time.
  chmod(world.path("tree/runners/open-action/action.json").c_str(), 0644);
  world.launch("open-action");
  EXPECT_TRUE(eventually([&] { return world.is("open-action", RunState::delivered); })) << world.log();
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(HostileTree, AnUnprivilegedRunnerTrustsItselfAndRoot) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  HostileWorld world;
  world.plugin("save", "cat > \"delivered-$MIG_RUNNER_JOB\"");
  for (const auto* job : {"own", "strange"}) world.job(job, std::string(kYearly) + "plugin = save\n");
  fs::create_directories(world.path("gnupg"));
  world.give_to(kRunner);
  run_command({"chown", "-R", "root", world.path("tree/plugins")});  // as the package has it
  chmod(world.path("tree/plugins/save").c_str(), 0755);
  ASSERT_EQ(chown(world.path("tree/runners/strange").c_str(), kStranger, kStranger), 0);
  world.start_as(kRunner);
  ASSERT_TRUE(eventually([&] { return world.started(); })) << world.log();
  for (const auto* job : {"own", "strange"}) EXPECT_EQ(world.command({"launch", job}, kRunner).first, 0);
  EXPECT_TRUE(eventually([&] { return world.is("own", RunState::delivered); })) << world.log();
  EXPECT_TRUE(eventually([&] { return world.waits_for_mending("strange"); })) << world.log();
  // Root looks at it with the eyes of the runner's user.
  for (const uid_t user : {kRunner, uid_t{0}}) {
    const auto [status, told] = world.command({"check", "own"}, user);
    EXPECT_EQ(status, 0) << told;
    EXPECT_THAT(world.command({"check", "strange"}, user).second, HasSubstr("the user 4712 owns it"));
  }
  EXPECT_EQ(world.stop_runner(), 0);
}

// Anybody may add a job there, but not one of root or of the runner's user.
TEST(HostileTree, InASharedDirectoryOwnersDecideForTheRunnerAndForCheck) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  HostileWorld world;
  for (const auto* plugin : {"save", "strange"}) world.plugin(plugin, "cat > /dev/null");
  world.job("own", kYearly + std::string("plugin = save\n"));
  world.job("plugin", kYearly + std::string("plugin = strange\n"));
  world.job("strange", kYearly);
  for (const auto* name : {"tree/runners", "tree/plugins"}) chmod(world.path(name).c_str(), 01777);
  for (const auto* name : {"tree/runners/strange", "tree/plugins/strange"})
    ASSERT_EQ(chown(world.path(name).c_str(), kStranger, kStranger), 0);
  world.start_runner();
  ASSERT_TRUE(eventually([&] { return world.started(); })) << world.log();
  for (const auto* job : {"own", "plugin", "strange"}) world.launch(job);
  EXPECT_TRUE(eventually([&] { return world.is("own", RunState::delivered); })) << world.log();
  for (const auto* job : {"plugin", "strange"}) {
    EXPECT_TRUE(eventually([&] { return world.waits_for_mending(job); })) << world.log();
    EXPECT_EQ(world.posts_of(job), 0);
  }
  EXPECT_EQ(world.command({"check", "own"}).first, 0) << world.command({"check", "own"}).second;
  for (const auto* job : {"plugin", "strange"}) {
    const auto [status, told] = world.command({"check", job});
    EXPECT_EQ(status, 1);
    EXPECT_THAT(told, HasSubstr("strange: error: the user 4712 owns it"));
    EXPECT_THAT(told, Not(HasSubstr("everybody")));
  }
  EXPECT_EQ(world.stop_runner(), 0);
}

TEST(HostileTree, CheckFindsWhereTheRunnerCannotWrite) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  HostileWorld world;
  world.job("disk", kYearly);
  world.logging_settings = "mode = file\nfile = " + world.path("log/runner.log").string() + "\n";
  for (const auto* name : {"gnupg", "log", "tree/state", "tree/runners/disk/results"})
    fs::create_directories(world.path(name));
  world.give_to(kRunner);
  ASSERT_EQ(world.command({"check"}, kRunner).first, 0) << world.command({"check"}, kRunner).second;
  const auto finds = [&](const std::string& name, const std::string& what, uid_t caller) {
    const auto [status, told] = world.command({"check"}, caller);
    EXPECT_EQ(status, 1);
    EXPECT_THAT(told,
                HasSubstr(world.path(name).string() + ": error: the user 4711 cannot write to it, and so " + what));
  };
  const std::map<std::string, std::string> places{{"tree/runners/disk/results", "results cannot be stored"},
                                                  {"log", "the runner cannot start"},
                                                  {"tree/state", "the runner cannot start"}};
  for (const auto& [name, what] : places) {
    ASSERT_EQ(chown(world.path(name).c_str(), 0, 0), 0);
    finds(name, what, kRunner);
    if (name != "tree/state") finds(name, what, 0);  // the owner of state/ is the one whom root asks for
    ASSERT_EQ(chown(world.path(name).c_str(), kRunner, kRunner), 0);
  }
  chmod(world.path("tree/state").c_str(), 0500);
  finds("tree/state", "the runner cannot start", kRunner);
  finds("tree/state", "the runner cannot start", 0);
}

TEST(HostileTree, RootChecksAsTheOwnerOfState) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  HostileWorld world;
  world.job("disk", kYearly);
  world.logging_settings = "mode = file\nfile = " + world.path("log/runner.log").string() + "\n";
  for (const auto* name : {"gnupg", "log", "tree/state"}) fs::create_directories(world.path(name));
  world.give_to(kRunner);
  chmod(world.directory.path().c_str(), 0755);
  const auto state = world.path("tree/state").string();
  EXPECT_THAT(world.command({"check"}).second, HasSubstr("access judged as 4711, the owner of " + state + "\n"));
  EXPECT_THAT(world.command({"check"}, kRunner).second, HasSubstr("access judged as 4711\n"));

  // Nobody but root and that user can ask for it.
  const auto as_stranger = world.command({"check"}, kStranger).second;
  EXPECT_THAT(as_stranger, HasSubstr(state + ": warning: whether 4711, its owner, can write where the runner has to"));
  EXPECT_THAT(as_stranger, Not(HasSubstr("cannot write to it")));

  // The group of state/, where the user is not known.
  ASSERT_EQ(chown(world.path("log").c_str(), 0, kRunner), 0);
  chmod(world.path("log").c_str(), 0770);
  EXPECT_EQ(world.command({"check"}).first, 0) << world.command({"check"}).second;

  // The groups of the user database, where it is.
  constexpr gid_t kExtra = 4713;
  ASSERT_EQ(chown(world.path("log").c_str(), 0, kExtra), 0);
  EXPECT_EQ(world.command({"check"}).first, 1);
  write_text(world.path("passwd"), read_text("/etc/passwd") + "migtest:x:4711:4711::/:/bin/sh\n");
  write_text(world.path("group"), read_text("/etc/group") + "extra:x:4713:migtest\n");
  const ScratchDirectory scratch;
  Process process({"unshare", "--mount", "/bin/sh", "-c",
                   "cd '" + world.directory.path().string() +
                       "' && mount --bind passwd /etc/passwd && mount --bind group /etc/group && exec '" +
                       std::string(MIG_BINARY_DIR) + "/src/cli/mig-runner' check -c runner.cfg"},
                  scratch.path() / "output");
  EXPECT_EQ(process.wait().value_or(-1), 0) << process.output();
  EXPECT_THAT(process.output(), HasSubstr("access judged as migtest (4711), the owner of "));
}

// A plugin's rights are its user's; docs/security.md says what it can do with them.
TEST(HostileTree, APluginFindsNoSecretInWhatItIsStartedWith) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  HostileWorld world;
  world.plugin(
      "spy",
      "{ env; ls -l /proc/self/fd; cat /proc/$PPID/environ /proc/$PPID/maps; ls -l /proc/$PPID/fd; } > spied 2>&1;"
      " cat > /dev/null");
  world.job("disk", std::string(kYearly) + "plugin = spy\n");
  fs::create_directories(world.path("gnupg"));
  world.give_to(kRunner);
  const std::map<std::string, std::string> secrets{{"MIGPGPPASSPHRASE", "very-secret"},
                                                   {"PGPASSWORD", "very-secret"},
                                                   {"PGSSLKEY", "very-secret"},
                                                   {"CREDENTIALS_DIRECTORY", "/very-secret"}};
  world.start_as(kRunner, secrets);
  ASSERT_TRUE(eventually([&] { return world.started(); })) << world.log();
  EXPECT_EQ(world.command({"launch", "disk"}, kRunner).first, 0);
  ASSERT_TRUE(eventually([&] { return world.is("disk", RunState::delivered); })) << world.log();
  const auto spied = world.file("tree/spied");
  EXPECT_THAT(spied, HasSubstr("MIG_RUNNER_JOB=disk"));
  EXPECT_THAT(spied, Not(HasSubstr("very-secret")));
  EXPECT_THAT(spied, Not(HasSubstr("runs.db")));
  EXPECT_THAT(spied, HasSubstr("Permission denied"));  // the runner's own environment, memory and descriptors
  EXPECT_EQ(world.stop_runner(), 0);
}

}  // namespace
}  // namespace mig_runner::test

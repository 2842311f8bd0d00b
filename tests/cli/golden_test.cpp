// What each command prints, word for word: tests/cli/golden.

#include "cli/golden.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "base/file_access.h"
#include "cli/worked_tree.h"
#include "store/run.h"

namespace mig_runner::cli {
namespace {

using testing::HasSubstr;

class Golden : public testing::Test {
 protected:
  // The output, the errors and the exit status of a command, in one text.
  static std::string shown(const CommandRun& run) {
    return run.out + (run.err.empty() ? "" : "-- errors\n" + run.err) + "-- exit " + std::to_string(run.status) + "\n";
  }
  void expect(const std::string& name, std::vector<std::string> arguments, Terminal terminal = {}) {
    expect_golden(name, shown(tree.command(std::move(arguments), terminal)));
  }

  const LocalZone zone{"Europe/Berlin"};
  WorkedTree tree;
};

TEST_F(Golden, List) {
  expect("list.txt", {"list"});
  expect("list-utc.txt", {"list", "--utc"});
  expect("list-terminal.txt", {"list"}, {true, 80});
  expect("list.json", {"list", "--json"});
}

TEST_F(Golden, Next) {
  expect("next.txt", {"next", "-n", "4"});
  expect("next-job.txt", {"next", "patchlevel", "-n", "2", "--utc"});
  expect("next-disabled.txt", {"next", "hunt", "-n", "1"});
  expect("next-paused.txt", {"next", "listeners", "-n", "1"});
  expect("next.json", {"next", "patchlevel", "-n", "2", "--json"});
}

TEST_F(Golden, NextOfAnExpression) {
  const auto next = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"next", "--expr", "30 2 * * sun", "-n", "3"});
    return shown(run_command(std::move(arguments)));
  };
  expect_golden("next-expression.txt", next({"--zone", "Europe/Berlin", "--from", "2026-03-20T00:00:00Z"}));
  expect_golden("next-expression-plain.txt", next({"--plain", "--utc"}));
  expect_golden("next-wrong-zone.txt", next({"--zone", "Europe/Berlim"}));
  expect_golden("next-never.txt", shown(run_command({"next", "--expr", "0 0 31 2 *"})));
}

TEST_F(Golden, Render) {
  expect("render-text.txt", {"render", "patchlevel", "--text", "--name", "mig-runner: patchlevel", "--validfrom",
                             "2026-11-20T11:59:00Z", "--expireafter", "2026-11-20T12:05:00Z"});
  expect("render-broken.txt", {"render", "broken"});
}

TEST_F(Golden, StatusWithoutARunner) {
  expect("status-stopped.txt", {"status"});
}

TEST_F(Golden, Status) {
  tree.be_at_work();
  expect("status.txt", {"status"});
  expect("status-terminal.txt", {"status"}, {true, 80});
  expect("status.json", {"status", "--json"});
}

TEST_F(Golden, History) {
  expect("history.txt", {"history"});
  expect("history-terminal.txt", {"history"}, {true, 100});
  expect("history-job.txt", {"history", "patchlevel", "-n", "2", "--utc"});
  for (const auto* state : {"collect failed", "collect-failed"})
    expect("history-collect-failed.txt", {"history", "--state", state, "--plain"});
  expect("history-state.txt", {"history", "--state", "missed", "--state", "refused", "--plain"});
  expect("history.json", {"history", "hunt", "--json"});
  expect("history-unknown.txt", {"history", "patchlevle"});
}

TEST_F(Golden, Show) {
  expect("show.txt", {"show", "patchlevel@2026-11-20T08:00:00Z"});
  expect("show-terminal.txt", {"show", "7002"}, {true, 80});
  expect("show.json", {"show", "7002", "--json"});
  expect("show-in-flight.txt", {"show", "listeners", "--utc"});
  expect("show-unknown.txt", {"show", "patchlevel@2026-11-20T08:00:01Z"});
}

TEST_F(Golden, ShowOfADamagedFile) {
  tree.write("runners/patchlevel/results/20261120/7002.json", "{\"action\":{},\"comm");
  expect("show-damaged.txt", {"show", "7002"});
}

TEST_F(Golden, Results) {
  expect("results.txt", {"results", "patchlevel"});
  expect("results-last.txt", {"results", "patchlevel", "--last", "3"});
  expect("results.json", {"results", "patchlevel", "--last", "2", "--json"});
  expect("results-none.txt", {"results", "hunt"});
}

TEST_F(Golden, ResultsThatChanged) {
  tree.write_result(tree.store().find_action(7004).value().value(),
                    {answer_of("web-1.example.net", "success", packages({{"linux-image-6.1", "6.1.0-40"}})),
                     answer_of("web-2.example.net", "success", packages({{"linux-image-6.1", "6.1.0-40"}})),
                     answer_of("db-2.example.net", "success", packages({}))});
  expect("results-changed.txt", {"results", "patchlevel", "--changed"});
  expect("results-changed-terminal.txt", {"results", "patchlevel", "--changed"}, {true, 70});
  expect("results-changed.json", {"results", "patchlevel", "--changed", "--json"});
}

TEST_F(Golden, PauseAndResume) {
  expect("pause.txt", {"pause", "patchlevel"});
  expect("pause-again.txt", {"pause", "patchlevel"});
  EXPECT_EQ(tree.store().paused().value().size(), 2U);
  expect("resume.txt", {"resume", "patchlevel"});
  expect("resume-again.json", {"resume", "patchlevel", "--json"});
  expect("pause-unknown.txt", {"pause", "patchlvel"});
  EXPECT_EQ(tree.store().paused().value().size(), 1U);
}

TEST_F(Golden, Redeliver) {
  expect("redeliver.txt", {"redeliver", "patchlevel@2026-11-19T08:00:00Z", "7004", "hunt", "nothing"});
  EXPECT_EQ(tree.store().find_action(7001).value()->state, store::RunState::stored);
  tree.be_at_work();
  expect("redeliver.json", {"redeliver", "7002", "--json"});
}

TEST_F(Golden, Collect) {
  tree.be_at_work();
  expect("collect.txt", {"collect", "patchlevel@2026-11-19T08:00:00Z", "hunt"});
  EXPECT_EQ(tree.store().find_action(7001).value()->state, store::RunState::posted);
}

TEST_F(Golden, Launch) {
  expect("launch-stopped.txt", {"launch", "patchlevel"});
  tree.be_at_work();
  expect("launch.txt", {"launch", "patchlevel"});
  expect("launch-disabled.txt", {"launch", "hunt"});
  expect("launch-broken.txt", {"launch", "broken"});
  const auto due = tree.store().history("patchlevel", 1).value().front();
  EXPECT_EQ(due.state, store::RunState::due);
  EXPECT_EQ(due.name(), "patchlevel@2026-11-20T12:00:00Z");
}

TEST_F(Golden, Store) {
  expect("store-status.txt", {"store", "status"});
  expect("store-status.json", {"store", "status", "--json"});
  expect("store-init.txt", {"store", "init"});
  expect("store-migrate.txt", {"store", "migrate"});
  const auto copy = [&](const char* name, const std::string& from, const std::string& to,
                        const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"store", "copy", from, to};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect(name, arguments);
  };
  const auto other = tree.path("other/runs.db").string();
  copy("store-copy.txt", "sqlite", other);
  copy("store-copy-again.txt", "sqlite", other);
  copy("store-copy.json", other, tree.path("third.db"), {"--json"});
  copy("store-copy-wrong.txt", "sqlite", "postgresql://runner:sec@ret@db/mig");
  tree.be_at_work();
  copy("store-copy-running.txt", "sqlite", tree.path("fourth.db"));
  EXPECT_EQ(store::RunStore::open_beside(tree.path("third.db"), "test").value()->history("", 100)->size(),
            tree.store().history("", 100)->size());
}

TEST_F(Golden, StoreThatIsNotThere) {
  const TestTree fresh;
  const auto store = [&](const char* part) {
    auto run = run_command({"store", part, "-c", fresh.config()});
    run.out = fresh.without_path(run.out);
    run.err = fresh.without_path(run.err);
    return shown(run);
  };
  expect_golden("store-status-none.txt", store("status"));
  expect_golden("store-migrate-none.txt", store("migrate"));
  expect_golden("store-init-fresh.txt", store("init"));
  EXPECT_EQ(run_command({"store", "status", "-c", fresh.config()}).status, kExitFine);
}

TEST_F(Golden, Init) {
  const test::ScratchDirectory directory;
  const auto fresh = (directory.path() / "new").string();
  auto run = run_command({"init", fresh});
  for (auto at = run.out.find(fresh); at != std::string::npos; at = run.out.find(fresh))
    run.out.replace(at, fresh.size(), "NEW");
  expect_golden("init.txt", shown(run));
  const auto again = run_command({"init", fresh});
  EXPECT_EQ(again.status, kExitProblem);
  EXPECT_THAT(again.err, HasSubstr("is not empty"));
}

TEST_F(Golden, Check) {
  // The key was made by gpg just now, by the system's clock.
  const auto check = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"check", "-c", tree.config()});
    auto run = run_command(std::move(arguments), {}, "2040-01-02T12:00:00Z");
    run.out = tree.without_path(run.out);
    const auto user = user_text(geteuid());
    if (const auto at = run.out.find(user); at != std::string::npos) run.out.replace(at, user.size(), "USER");
    return shown(run);
  };
  expect_golden("check.txt", check({}));
  expect_golden("check.json", check({"broken", "--json"}));
}

// A tree without a record yet, and one that is not there.
TEST(GoldenWithout, ARecord) {
  const TestTree tree;
  for (const auto* command : {"history", "status", "list"}) {
    const auto run = run_command({command, "-c", tree.config()});
    EXPECT_THAT(run.err + run.out, testing::Not(HasSubstr("damaged"))) << command;
  }
  EXPECT_EQ(run_command({"status", "-c", tree.config()}).status, kExitProblem) << "no runner is at work";
  EXPECT_EQ(run_command({"list", "-c", tree.config()}).status, kExitFine);
  const auto history = run_command({"history", "-c", tree.config()});
  EXPECT_EQ(history.status, kExitProblem);
  EXPECT_THAT(history.err, HasSubstr("has the runner run yet?"));
}

TEST(GoldenWithout, AConfiguration) {
  for (const std::vector<std::string>& command : {std::vector<std::string>{"list"},
                                                  {"next"},
                                                  {"status"},
                                                  {"history"},
                                                  {"show", "x"},
                                                  {"results", "x"},
                                                  {"launch", "x"},
                                                  {"redeliver", "x"},
                                                  {"collect", "x"},
                                                  {"pause", "x"},
                                                  {"resume", "x"},
                                                  {"render", "x"}}) {
    auto arguments = command;
    arguments.insert(arguments.end(), {"-c", "/nonexistent/runner.cfg"});
    const auto run = run_command(arguments);
    EXPECT_EQ(run.status, kExitCannotStart) << command.front();
    EXPECT_THAT(run.err, HasSubstr("/nonexistent/runner.cfg")) << command.front();
    EXPECT_EQ(run.out, "") << command.front();
  }
}

TEST(GoldenHelp, OfEachCommandShowsAnExample) {
  expect_golden("help.txt", run_command({"--help"}).out);
  for (const std::string command : {"run", "check", "list", "next", "render", "launch", "status", "history", "show",
                                    "results", "redeliver", "collect", "pause", "resume", "store", "init"}) {
    const auto run = run_command({command, "--help"});
    EXPECT_EQ(run.status, kExitFine);
    EXPECT_THAT(run.out, HasSubstr("Example:\n  mig-runner " + command));
    expect_golden("help-" + command + ".txt", run.out);
  }
}

TEST(GoldenUsage, WrongUsageSaysWhatWouldBeRight) {
  const auto wrong = [](const std::vector<std::string>& arguments) {
    const auto run = run_command(arguments);
    EXPECT_EQ(run.status, kExitWrongUsage) << arguments.front();
    EXPECT_EQ(run.out, "") << arguments.front();
    return run.err;
  };
  EXPECT_THAT(wrong({"statsu"}), HasSubstr("there is no command \"statsu\"; did you mean \"status\"?"));
  EXPECT_THAT(wrong({"history", "--sate", "missed"}), HasSubstr("--sate"));
  EXPECT_THAT(wrong({"history", "--state", "lost"}), HasSubstr("lost"));
  EXPECT_THAT(wrong({"history", "-n", "0"}), HasSubstr("-n"));
  EXPECT_THAT(wrong({"show"}), HasSubstr("RUN"));
  EXPECT_THAT(wrong({"redeliver"}), HasSubstr("RUN"));
  EXPECT_THAT(wrong({"results", "x", "--changed", "--last", "2"}), HasSubstr("--last"));
  EXPECT_THAT(wrong({"next", "--expr", "@daily", "--from", "yesterday"}), HasSubstr("--from"));
  EXPECT_THAT(wrong({"render"}), HasSubstr("--action FILE"));
}

}  // namespace
}  // namespace mig_runner::cli

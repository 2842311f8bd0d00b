// What commands print where runs are kept in PostgreSQL.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/command_run.h"
#include "cli/test_tree.h"
#include "store/administration.h"
#include "store/run_store.h"
#include "support/postgresql_server.h"

namespace mig_runner::cli {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

struct GroupCommands : testing::Test {
  GroupCommands() { tree.write("runner.cfg", tree.runner_cfg("store = \"" + uri + "\"\n")); }

  CommandRun command(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"-c", tree.config()});
    return run_command(std::move(arguments));
  }
  // As a runner on another machine.
  std::unique_ptr<store::RunStore> member(const std::string& directory) const {
    const auto location = store::Location::parse(uri, directory + "/state/runs.db").value();
    return std::move(store::RunStore::open(location, "", {}, 30s)->store);
  }

  test::PostgresqlServer& server = test::PostgresqlServer::shared();
  const std::string database = server.new_database();
  // A password that the server does not ask for, which nothing may show.
  const std::string uri =
      "postgresql://runner:secret-word@/" + database + "?host=" + server.socket().parent_path().string();
  const TestTree tree;
};

TEST_F(GroupCommands, StoreStatusTellsDatabaseAndVersion) {
  const auto none = command({"store", "status"});
  EXPECT_EQ(none.status, kExitProblem);
  EXPECT_THAT(none.out + none.err, HasSubstr("/" + database + ": "));
  EXPECT_THAT(none.out + none.err, HasSubstr("mig-runner store init"));
  EXPECT_EQ(command({"store", "init"}).status, kExitFine);

  const auto made = command({"store", "status"});
  EXPECT_EQ(made.status, kExitFine) << made.err;
  EXPECT_THAT(made.out,
              testing::MatchesRegex("postgresql://runner@.*/" + database + ": schema version [0-9]+, up to date\n"));
  EXPECT_THAT(made.out + none.out + none.err, Not(HasSubstr("secret-word")));
  const auto json = nlohmann::json::parse(command({"store", "status", "--json"}).out);
  EXPECT_EQ(json.at("database"), "postgresql");
  EXPECT_EQ(json.at("schema"), json.at("known_schema"));
  EXPECT_THAT(json.at("store").get<std::string>(), testing::EndsWith("/" + database));

  server.query(database, "UPDATE schema_version SET version = 2");
  const auto old = command({"store", "status"});
  EXPECT_EQ(old.status, kExitProblem);
  EXPECT_THAT(old.out + old.err, HasSubstr("store migrate"));
}

TEST_F(GroupCommands, CheckOnlineAsksTheDatabaseToo) {
  EXPECT_THAT(command({"check"}).out, Not(HasSubstr("runner.store")));
  EXPECT_THAT(command({"check", "--online"}).out,
              testing::ContainsRegex("runner.cfg: error: runner.store: postgresql://.*`mig-runner store init` makes"));
  ASSERT_EQ(command({"store", "init"}).status, kExitFine);
  EXPECT_THAT(command({"check", "--online"}).out, Not(HasSubstr("runner.store")));
}

TEST_F(GroupCommands, AFileIsNamedWithASlash) {
  const auto refused = command({"store", "copy", "sqlite", "runs.db"});
  EXPECT_EQ(refused.status, kExitWrongUsage);
  EXPECT_THAT(refused.err, HasSubstr("runs.db: it is neither"));
  EXPECT_THAT(refused.err, HasSubstr("such as ./runs.db"));
}

TEST_F(GroupCommands, StatusListsMembersAndTheirDifferences) {
  ASSERT_EQ(command({"store", "init"}).status, kExitFine);
  const auto one = member("/srv/one");
  const auto two = member("/srv/two");
  ASSERT_TRUE(one->group()->set_jobs({{"patchlevel", "1234567890"}, {"same", "1"}}));
  ASSERT_TRUE(two->group()->set_jobs({{"same", "1"}}));
  const auto status = command({"status"});
  EXPECT_THAT(status.out, HasSubstr("Members: 2\n"));
  EXPECT_THAT(status.out, HasSubstr(one->group()->tree()));
  EXPECT_THAT(status.out, HasSubstr("\npatchlevel: "));
  EXPECT_THAT(status.out, HasSubstr(" has version 12345678"));
  EXPECT_THAT(status.out, HasSubstr(" does not have it"));
  EXPECT_THAT(status.out, Not(HasSubstr("same: ")));
  const auto json = nlohmann::json::parse(command({"status", "--json"}).out);
  EXPECT_EQ(json.at("members").size(), 2U);
  EXPECT_EQ(json.at("differing_jobs").size(), 2U);

  std::map<std::string, std::string> many;
  for (int i = 0; i < 30; ++i) many.emplace("job-" + std::to_string(i), "1");
  ASSERT_TRUE(two->group()->set_jobs(many));
  EXPECT_THAT(command({"status"}).out, HasSubstr("and 12 more jobs differ; mig-runner status --json lists them\n"));
}

TEST_F(GroupCommands, WhoDidWhatIsShown) {
  ASSERT_EQ(command({"store", "init"}).status, kExitFine);
  auto one = member("/srv/one");
  store::Run run;
  run.job = "patchlevel";
  run.nominal = parse_rfc3339("2026-11-20T08:00:00Z").value();
  run.state = store::RunState::delivered;
  const std::string file = "runners/patchlevel/results/20261120/7001.json";
  run.result_file = file;
  run.launched_by = "lost:/srv";
  run.collected_by = run.delivered_by = one->group()->tree();
  ASSERT_TRUE(one->add({&run, 1}));
  const auto json = nlohmann::json::parse(command({"history", "--json"}).out).at("runs").at(0);
  EXPECT_EQ(json.at("launched_by"), "lost:/srv");
  EXPECT_EQ(json.at("collected_by"), one->group()->tree());
  EXPECT_EQ(json.at("delivered_by"), one->group()->tree());

  EXPECT_THAT(command({"history"}).out, HasSubstr("  WHO "));
  EXPECT_THAT(command({"history"}).out,
              HasSubstr("  launched lost:/srv; collected, delivered " + one->group()->tree() + "\n"));
  run.job = "listeners";
  run.state = store::RunState::posted;
  run.wake = run.nominal;
  run.collected_by = run.delivered_by = run.result_file = "";
  ASSERT_TRUE(one->add({&run, 1}));
  EXPECT_THAT(command({"status"}).out, HasSubstr("  launched lost:/srv\n"));
  run.job = "patchlevel";

  const auto there = command({"show", "patchlevel"});
  EXPECT_EQ(there.status, kExitProblem);
  EXPECT_THAT(there.out, HasSubstr("launched   by lost:/srv\n"));
  EXPECT_THAT(there.err, HasSubstr(", in /srv/one/" + file + ": call this command there"));
  EXPECT_THAT(command({"results", "patchlevel"}).err, HasSubstr(": call this command there"));
  one.reset();
  EXPECT_THAT(command({"show", "patchlevel"}).err,
              HasSubstr("`mig-runner collect " + run.name() + "` fetches them again"));
}

TEST_F(GroupCommands, APasswordAtAWrongPlaceIsNotRepeated) {
  const std::string with_password = "postgresql://runner:hush@db.example.net/mig";
  for (const auto& arguments : {std::vector<std::string>{"store", "copy", "sqlite", uri, with_password},
                                {with_password},
                                {"list", with_password},
                                {"store", "copy", "--from=" + with_password, uri}}) {
    const auto refused = command(arguments);
    EXPECT_NE(refused.status, kExitFine);
    EXPECT_THAT(refused.err + refused.out, Not(HasSubstr("hush")));
  }
}

TEST_F(GroupCommands, HistoryIsCopiedThereAndBack) {
  ASSERT_EQ(command({"store", "init"}).status, kExitFine);
  store::Run run;
  run.job = "patchlevel";
  run.nominal = parse_rfc3339("2026-11-20T08:00:00Z").value();
  run.state = store::RunState::delivered;
  run.launched_by = "lost:/srv";
  ASSERT_TRUE(member("/srv/one")->add({&run, 1}));
  const auto copied = command({"store", "copy", uri, "sqlite"});
  EXPECT_EQ(copied.status, kExitFine) << copied.err;
  EXPECT_THAT(copied.out, Not(HasSubstr("secret-word")));
  tree.write("runner.cfg", tree.runner_cfg());
  EXPECT_EQ(nlohmann::json::parse(command({"history", "--json"}).out).at("runs").at(0).at("launched_by"), "lost:/srv");
}

}  // namespace
}  // namespace mig_runner::cli

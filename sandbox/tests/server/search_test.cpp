#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "server/stand.h"

namespace mig_sandbox::test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Two actions that all of a fleet of 40 have answered, the second an hour after the first.
class SearchTest : public ::testing::Test {
 protected:
  SearchTest() : stand(options()) {
    Stand::Draft draft;
    draft.name = "mig-runner: First_One";
    first = run(draft);
    stand.clock.advance(seconds(3600));
    draft.name = "mig-runner: second";
    draft.target = "name LIKE 'web-%'";
    second = run(draft);
  }

  static ServerOptions options() {
    ServerOptions options;
    options.fleet.agents = 40;
    options.fleet.away = 0.1;
    return options;
  }
  std::int64_t run(const Stand::Draft& draft) {
    const auto id = stand.launch(draft);
    stand.steps(3);
    stand.clock.advance(seconds(90));
    stand.steps(1);
    return id;
  }
  std::vector<std::int64_t> ids(const std::string& query) {
    std::vector<std::int64_t> found;
    for (const auto& value : stand.values("search?" + query)) found.push_back(value.at("id").get<std::int64_t>());
    return found;
  }
  std::string error(const std::string& query) {
    const auto answer = stand.get("search?" + query);
    return std::to_string(answer.status) + " " + error_of(answer);
  }

  Stand stand;
  std::int64_t first = 0;
  std::int64_t second = 0;
};

TEST_F(SearchTest, FindsActions) {
  using ::testing::ElementsAre;
  const std::string any = "type=action&after=2026-01-01T00:00:00Z";
  EXPECT_THAT(ids(any), ElementsAre(second, first));
  EXPECT_THAT(ids(any + "&limit=1"), ElementsAre(second));
  EXPECT_THAT(ids(any + "&limit=1&offset=1"), ElementsAre(first));
  EXPECT_THAT(ids("type=action&actionname=MIG-runner:%20sec%25"), ElementsAre(second));
  EXPECT_THAT(ids("type=action&actionname=%25first%5C_one"), ElementsAre(first));
  EXPECT_THAT(ids("type=action&actionid=" + std::to_string(first)), ElementsAre(first));
  // validfrom is 60 s before the launch: 07:59 and 09:00:30.
  EXPECT_THAT(ids("type=action&after=2026-11-23T07:59:00Z"), ElementsAre(second, first));
  EXPECT_THAT(ids("type=action&after=2026-11-23T07:59:00.001Z"), ElementsAre(second));
  EXPECT_THAT(ids("type=action&before=2026-11-23T08:01:00Z"), ElementsAre(first));
  EXPECT_THAT(ids("type=action&after=2026-11-23T09:59:00%2B02:00"), ElementsAre(second, first));
  EXPECT_THAT(ids("type=action&investigatorname=test%25"), ElementsAre(second, first));
  EXPECT_EQ(error("type=action&investigatorname=nobody"), "404 no results found");
  EXPECT_EQ(error("type=action&actionname="), "404 no results found");
  EXPECT_EQ(error("type=action&threatfamily=malware"), "404 no results found");
  const auto command = stand.commands(first).at(0);
  EXPECT_THAT(ids("type=action&commandid=" + std::to_string(command.at("id").get<std::int64_t>())), ElementsAre(first));
}

TEST_F(SearchTest, FindsCommands) {
  const auto of_first = stand.commands(first);
  const auto all = ids("type=command&agentname=%25.net&limit=1000");
  EXPECT_EQ(all.size(), of_first.size() + stand.commands(second).size());
  EXPECT_EQ(ids("type=command&actionname=%25first%25&limit=1000").size(), of_first.size());
  EXPECT_EQ(ids("type=command&agentname=WEB-%25&limit=1000&actionid=" + std::to_string(second)).size(),
            stand.commands(second).size());
  const json& one = of_first.at(3);
  const auto text = [](const json& value) { return std::to_string(value.get<std::int64_t>()); };
  EXPECT_EQ(ids("type=command&commandid=" + text(one.at("id"))), std::vector{one.at("id").get<std::int64_t>()});
  EXPECT_GE(ids("type=command&agentid=" + text(one.at("agent").at("id"))).size(), 1U);
  EXPECT_EQ(ids("type=command&after=2026-11-23T08:30:00Z&limit=1000").size(), stand.commands(second).size());
  EXPECT_EQ(ids("type=command&before=2026-11-23T08:00:00Z&limit=1000").size(), of_first.size());
  EXPECT_EQ(error("type=command&before=2026-11-23T07:59:59.999Z"), "404 no results found");
  std::size_t by_status = 0;
  for (const char* status : {"success", "failed", "timeout", "expired"}) {
    const std::string query = std::string("type=command&limit=1000&actionid=") + std::to_string(first);
    if (stand.get("search?" + query + "&status=" + status).status == 200)
      by_status += ids(query + "&status=" + status).size();
  }
  EXPECT_EQ(by_status, of_first.size());
  EXPECT_EQ(error("type=command&actionid=abc").substr(0, 3), "500");
}

TEST_F(SearchTest, PagesAreCompleteAndSayWhatComesNext) {
  const auto whole = ids("type=command&limit=1000&actionid=" + std::to_string(first));
  std::vector<std::int64_t> joined;
  for (std::size_t offset = 0; offset < whole.size(); offset += 7) {
    const auto page =
        ids("type=command&limit=7&offset=" + std::to_string(offset) + "&actionid=" + std::to_string(first));
    joined.insert(joined.end(), page.begin(), page.end());
  }
  EXPECT_EQ(joined, whole);
  const json document = stand.get_json("search?type=command&limit=7&offset=7&actionid=" + std::to_string(first));
  const auto& items = document.at("collection").at("items");
  ASSERT_EQ(items.size(), 9U);
  EXPECT_EQ(items[7].at("data")[0].at("name"), "pagination");
  EXPECT_THAT(items[7].at("data")[0].at("value").at("next").get<std::string>(), HasSubstr("&limit=7&offset=14"));
  EXPECT_EQ(items[8].at("data")[0].at("name"), "search parameters");
}

TEST_F(SearchTest, FindsAgents) {
  EXPECT_EQ(error("type=agent&target=nosuch%3D1"),
            "500 Error while finding agents: 'pq: column \"nosuch\" does not exist'");
  EXPECT_EQ(error("type=agent&target=name%3D%27nobody%27"), "404 no results found");
  EXPECT_EQ(ids("type=agent&agentname=%25.example.net").size(), 40U);
  EXPECT_EQ(ids("type=agent&agentname=%25.example.net&limit=3").size(), 3U);
  const auto online = ids("type=agent&status=online").size();
  EXPECT_EQ(ids("type=agent&target=status%3D%27online%27").size(), online);
  EXPECT_LT(online, 40U);
  for (const auto& agent : stand.values("search?type=agent&target=environment-%3E%3E%27os%27%3D%27linux%27"))
    EXPECT_EQ(agent.at("environment").at("os"), "linux");
}

TEST_F(SearchTest, RefusesWhatTheServerRefuses) {
  EXPECT_EQ(error("type=command&offset=x"), "500 parseSearchParameters()-> invalid offset parameter");
  EXPECT_EQ(error("type=command&after=now"), "500 parseSearchParameters()-> after date not in RFC3339 format");
  const std::string page = " type: uint64 values with high bit set are not supported'";
  EXPECT_EQ(error("type=command&status=success&limit=-1"),
            "500 Error while finding commands: 'sql: converting argument $2" + page);
  EXPECT_EQ(error("type=action&actionname=x&threatfamily=y&offset=-1"),
            "500 Error while finding actions: 'sql: converting argument $4" + page);
  EXPECT_EQ(error("type=agent&status=online&limit=-1"),
            "500 Error while finding agents: 'sql: converting argument $2" + page);
  EXPECT_EQ(error("type=command&actionid="), "500 strconv.ParseFloat: parsing \"\": invalid syntax");
  EXPECT_EQ(error("type=command&actionid=1&limit=0"), "404 no results found");
  EXPECT_EQ(error("type=manifest&manifestname=x"), "404 no results found");
  EXPECT_EQ(error("type=investigator&investigatorid=7"), "404 no results found");
  EXPECT_EQ(stand.values("search?type=investigator&status=active").at(0).at("name"), "Test Investigator");
}

TEST_F(SearchTest, RefusesASearchWithoutAnyCondition) {
  for (const char* type : {"action", "command", "agent", "investigator", "manifest", "loader"}) {
    const bool is_grouped = type != std::string("manifest") && type != std::string("loader");
    const std::string complaint =
        std::string("500 Error while preparing search statement: 'pq: syntax error at or near ") +
        (is_grouped ? "\"GROUP\"" : "\"ORDER\"") + "' in 'SELECT " + type;
    EXPECT_THAT(error(std::string("type=") + type), StartsWith(complaint));
    EXPECT_THAT(error(std::string("limit=1&type=") + type), StartsWith(complaint));
    EXPECT_THAT(error(std::string("status=%25&actionname=%25&agentname=%25&type=") + type), StartsWith(complaint));
  }
  EXPECT_THAT(error("limit=1"), HasSubstr("FROM actions"));
  EXPECT_THAT(error("type=action&foundanything=true"), HasSubstr("FROM actions"));
}

// The server's own fault: it never finds actions by their status.
TEST_F(SearchTest, CannotFindActionsByStatus) {
  EXPECT_THAT(error("type=action&status=completed"), HasSubstr("missing FROM-clause entry for table \"action\""));
  EXPECT_THAT(error("type=action&actionname=x&status=completed"), StartsWith("500 "));
}

TEST_F(SearchTest, UnstablePagesRepeatAndLoseRows) {
  const auto whole = ids("type=command&limit=1000&actionid=" + std::to_string(first));
  ASSERT_TRUE(stand.server->add_fault("unstable-pages:path=type=command"));
  std::multiset<std::int64_t> joined;
  for (std::size_t offset = 0; offset < whole.size(); offset += 5) {
    for (const auto id :
         ids("type=command&limit=5&offset=" + std::to_string(offset) + "&actionid=" + std::to_string(first)))
      joined.insert(id);
  }
  EXPECT_EQ(joined.size(), whole.size());
  EXPECT_LT(std::set<std::int64_t>(joined.begin(), joined.end()).size(), whole.size());
  // All at once is still each of them once.
  auto all = ids("type=command&limit=1000&actionid=" + std::to_string(first));
  EXPECT_THAT(all, ::testing::UnorderedElementsAreArray(whole));
}

}  // namespace
}  // namespace mig_sandbox::test

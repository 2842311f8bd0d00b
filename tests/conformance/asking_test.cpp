// Authentication, and what searches find and refuse.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "conformance/subject.h"

namespace mig_runner::test {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Timestamp now() {
  return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

class AskingConformance : public ::testing::Test {
 protected:
  Subject& mig = Subject::get();
};

TEST_F(AskingConformance, LetsInTokensAndApiKeys) {
  const std::string failed = "401 Authorization verification failed with error '";
  EXPECT_EQ(mig.ask("dashboard", "").text(), "401 Valid authentication header not found");
  const auto token = Subject::token_header(now(), "77", mig.signer());
  EXPECT_EQ(mig.ask("dashboard", token).status, 200);
  EXPECT_EQ(mig.ask("dashboard", token).status, 200);
  auto forged = token;
  forged.replace(forged.find(";77;"), 4, ";78;");
  EXPECT_THAT(mig.ask("dashboard", forged).text(), StartsWith(failed + "verifySignedToken() -> "));
  const auto old = Subject::token_header(now() - std::chrono::hours(48), "77", mig.signer());
  EXPECT_EQ(mig.ask("dashboard", old).text(),
            failed + "verifySignedToken() -> token timestamp is not within acceptable time limits'");
  EXPECT_EQ(mig.ask("dashboard", "X-MIGAPIKEY: no such key").text(), failed + "API key authentication failed'");
  if (!mig.api_key()) GTEST_SKIP() << "no API key is named";
  EXPECT_EQ(mig.ask("dashboard", *mig.api_key()).status, 200);
}

// A permission that is missing is a 401 too, which no new token mends.
TEST_F(AskingConformance, RefusesWhatTheKeyMayNotDo) {
  if (!mig.limited_api_key()) GTEST_SKIP() << "no API key without permissions is named";
  EXPECT_EQ(mig.ask("dashboard", *mig.limited_api_key()).status, 200);
  EXPECT_EQ(mig.ask("action?actionid=1", *mig.limited_api_key()).text(),
            "401 Insufficient permissions to access endpoint");
}

// Its document has no "collection": an address that is wrong says nothing about an action.
TEST_F(AskingConformance, AnswersAWrongPathWithAPageThatIsNotItsDocument) {
  const auto reply = mig.ask("nosuch");
  EXPECT_EQ(reply.status, 404);
  EXPECT_TRUE(reply.document().is_null()) << reply.body;
}

TEST_F(AskingConformance, RefusesASearchWithoutACondition) {
  for (const char* type : {"action", "command", "agent", "investigator"}) {
    const auto reply = mig.ask(std::string("search?limit=1&type=") + type);
    EXPECT_THAT(reply.text(), HasSubstr("500 Error while preparing search statement: 'pq: syntax error at or near "
                                        "\"GROUP\"'"))
        << type;
  }
  EXPECT_THAT(mig.ask("search?type=action&actionname=%25").text(), StartsWith("500 "));
  EXPECT_THAT(mig.ask("search?type=action&status=completed").text(), StartsWith("500 "));
}

TEST_F(AskingConformance, SaysWhatItDoesNotHave) {
  EXPECT_EQ(mig.ask("action?actionid=1").text(), "404 Action ID '1' not found");
  EXPECT_EQ(mig.ask("search?type=command&actionid=1&limit=10&offset=0").text(), "404 no results found");
  EXPECT_EQ(mig.ask("search?type=action&actionname=no%20action%20has%20this%20name").text(), "404 no results found");
  EXPECT_EQ(mig.ask("search?type=command&actionid=x&limit=10").text().substr(0, 3), "500");
  EXPECT_EQ(mig.ask("search?type=command&actionid=1&limit=x").text(),
            "500 parseSearchParameters()-> invalid limit parameter");
}

TEST_F(AskingConformance, ComplainsOfATargetInPostgresqlsWords) {
  const auto complaint = [&](const char* target) {
    return mig.ask(std::string("search?type=agent&target=") + target).text();
  };
  EXPECT_EQ(complaint("nonsense%28"), "500 Error while finding agents: 'pq: syntax error at or near \"ORDER\"'");
  EXPECT_EQ(complaint("name%3D%27x%27%20AND"), "500 Error while finding agents: 'pq: syntax error at or near \")\"'");
  EXPECT_EQ(complaint("this%20is%20not%20sql"),
            "500 Error while finding agents: 'pq: syntax error at or near \"sql\"'");
  // So does the name of a macro.
  EXPECT_EQ(complaint("web_servers"), "500 Error while finding agents: 'pq: column \"web_servers\" does not exist'");
  EXPECT_EQ(complaint("name%3D%27nobody%27"), "404 no results found");
  const auto none = mig.client().count_agents("name='nobody'");
  ASSERT_TRUE(none) << none.error().text();
  EXPECT_EQ(*none, 0);
}

TEST_F(AskingConformance, FindsAnActionByNameTimeAndSignature) {
  Draft draft;
  draft.name = "mig-runner: conformance_find " + std::to_string(now().time_since_epoch().count());
  const auto posted = mig.launch(draft);
  const auto id = posted.at("id").get<std::int64_t>();
  const std::vector<std::string> signatures = posted.at("pgpsignatures");
  const auto found = mig.client().find_action(draft.name, now() - std::chrono::hours(1), signatures);
  ASSERT_TRUE(found) << found.error().text();
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->id, id);
  const std::vector<std::string> other = {"another signature"};
  const auto none = mig.client().find_action(draft.name, now() - std::chrono::hours(1), other);
  ASSERT_TRUE(none) << none.error().text();
  EXPECT_FALSE(none->has_value());
  // The name is a pattern that ignores case; `after` compares with validfrom and includes it.
  const std::string query = "search?type=action&limit=5&actionname=MIG_RUNNER:%20conformance%25find%20" +
                            draft.name.substr(draft.name.rfind(' ') + 1);
  EXPECT_EQ(mig.ask(query).values().size(), 1U);
  EXPECT_EQ(mig.ask(query + "&after=" + posted.at("validfrom").get<std::string>()).values().size(), 1U);
  EXPECT_EQ(mig.ask(query + "&after=2099-01-01T00:00:00Z").text(), "404 no results found");
}

TEST_F(AskingConformance, GivesPages) {
  Draft draft;
  draft.name = "mig-runner: conformance pages " + std::to_string(now().time_since_epoch().count());
  std::set<std::int64_t> ids;
  for (int i = 0; i < 3; ++i) ids.insert(mig.launch(draft).at("id").get<std::int64_t>());
  std::string name = draft.name;
  for (std::size_t at = 0; (at = name.find(' ', at)) != std::string::npos;) name.replace(at, 1, "%20");
  const auto page = [&](int limit, int offset) {
    return mig.ask("search?type=action&actionname=" + name + "&limit=" + std::to_string(limit) +
                   "&offset=" + std::to_string(offset));
  };
  EXPECT_EQ(page(1000000, 0).values().size(), 3U);
  EXPECT_EQ(page(2, 0).values().size(), 2U);
  EXPECT_TRUE(page(2, 0).item("pagination").is_null());
  EXPECT_EQ(page(2, 0).item("search parameters").at("limit"), 2);
  EXPECT_EQ(page(2, 2).values().size(), 1U);
  EXPECT_THAT(page(2, 2).item("pagination").at("next").get<std::string>(), HasSubstr("&limit=2&offset=4"));
  // The list ends with a 404.
  EXPECT_EQ(page(2, 3).text(), "404 no results found");
  std::set<std::int64_t> found;
  for (const auto& action : page(10, 0).values()) found.insert(action.at("id").get<std::int64_t>());
  EXPECT_EQ(found, ids);
}

}  // namespace
}  // namespace mig_runner::test

#include "sandbox/fleet/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sandbox/base/like_pattern.h"
#include "sandbox/fleet/agent_table.h"

namespace mig_sandbox::test {
namespace {

using ::testing::ElementsAre;

Timestamp now() {
  return mig_runner::parse_rfc3339("2026-11-23T08:00:00Z").value();
}

class TargetTest : public ::testing::Test {
 protected:
  TargetTest() {
    add(1, "web-001.example.net", "online",
        R"({"os":"linux","ident":"Debian 12","isproxied":false,"addresses":["10.0.0.1/24"],"aws":{"instanceid":"i-1"}})",
        R"({"operator":"infra","n":"7"})");
    add(2, "WEB-002.example.net", "idle", R"({"os":"linux","isproxied":true,"addresses":[],"aws":{}})",
        R"({"operator":"it","n":"12"})");
    add(3, "db_003.example.net", "online", R"({"os":"darwin","isproxied":false})", R"({"operator":"it's"})");
    add(4, "gone.example.net", "offline", R"({"os":"linux"})", R"({"operator":"infra"})");
  }

  void add(std::int64_t id, const char* name, const char* status, const char* environment, const char* tags) {
    Agent agent;
    agent.id = id;
    agent.name = name;
    agent.status = status;
    agent.environment = environment;
    agent.tags = tags;
    // The earlier its number the newer its heartbeat: that is the order of the answers.
    agent.heartbeat_time = to_micros(now()) - id * 60'000'000;
    table.insert(agent);
  }

  std::vector<std::int64_t> match(std::string_view target) {
    const auto ids = table.active_ids(target, now());
    if (!ids) ADD_FAILURE() << target << ": " << ids.error().what;
    return ids.value_or(std::vector<std::int64_t>{});
  }
  std::string complaint(std::string_view target) {
    const auto ids = table.active_ids(target, now());
    return ids ? "none" : ids.error().what;
  }

  AgentTable table;
};

TEST_F(TargetTest, RunsConditionsAsPostgresqlDoes) {
  EXPECT_THAT(match("status='online'"), ElementsAre(1, 3));
  EXPECT_THAT(match("status = 'online' OR status = 'idle'"), ElementsAre(1, 2, 3));
  EXPECT_THAT(match("name LIKE 'web-%'"), ElementsAre(1));
  EXPECT_THAT(match("name ILIKE 'web-%'"), ElementsAre(1, 2));
  EXPECT_THAT(match("name NOT ILIKE 'web-%'"), ElementsAre(3));
  EXPECT_THAT(match("name like 'db\\_0%'"), ElementsAre(3));
  EXPECT_THAT(match("name ~ '^(web|db)'"), ElementsAre(1, 3));
  EXPECT_THAT(match("name ~* '^WEB' AND name !~ 'web'"), ElementsAre(2));
  EXPECT_THAT(match("environment->>'os'='linux'"), ElementsAre(1, 2));
  EXPECT_THAT(match("environment->>'os' IN ('darwin','windows')"), ElementsAre(3));
  EXPECT_THAT(match("environment #>> '{aws,instanceid}' = 'i-1'"), ElementsAre(1));
  EXPECT_THAT(match("environment->'aws'->>'instanceid' IS NOT NULL"), ElementsAre(1));
  EXPECT_THAT(match("environment#>>'{addresses,0}' LIKE '10.%'"), ElementsAre(1));
  EXPECT_THAT(match("environment::jsonb->>'isproxied'='true'"), ElementsAre(2));
  EXPECT_THAT(match("environment->>'addresses' = '[\"10.0.0.1/24\"]'"), ElementsAre(1));
  EXPECT_THAT(match("tags->>'operator'='it''s'"), ElementsAre(3));
  EXPECT_THAT(match("(tags->>'n')::int > 7"), ElementsAre(2));
  EXPECT_THAT(match("NOT (status='online') AND tags->>'operator'='it'"), ElementsAre(2));
  EXPECT_THAT(match("agents.id = 3"), ElementsAre(3));
  EXPECT_THAT(match("heartbeattime > NOW() - interval '90 seconds'"), ElementsAre(1));
  EXPECT_THAT(match("heartbeattime < '2026-11-23T07:58:30Z'"), ElementsAre(2 /* 07:58:00 */, 3));
  EXPECT_THAT(match("id IN (SELECT id FROM agents WHERE status='idle')"), ElementsAre(2));
  EXPECT_THAT(match("pid IS NOT UNKNOWN"), ElementsAre(1, 2, 3));
  EXPECT_THAT(match("name='nobody'"), ElementsAre());
}

TEST_F(TargetTest, ComplainsAsPostgresqlDoes) {
  EXPECT_EQ(complaint("this is not sql"), "syntax error at or near \"sql\"");
  EXPECT_EQ(complaint("status='online' AND"), "syntax error at or near \")\"");
  EXPECT_EQ(complaint("status=\"online\""), "column \"online\" does not exist");
  EXPECT_EQ(complaint("nosuch = 1"), "column \"nosuch\" does not exist");
  EXPECT_EQ(complaint("status='online"),
            "unterminated quoted string at or near \"'online)\n\t\tORDER BY agents.queueloc ASC\"");
  EXPECT_EQ(complaint("status='online') OR (1=1"), "syntax error at or near \")\"");
  EXPECT_EQ(complaint("(status='online'"), "syntax error at or near \"ORDER\"");
  EXPECT_EQ(complaint("nonsense("), "syntax error at or near \"ORDER\"");
  EXPECT_EQ(complaint("status='online' OR ("), "syntax error at or near \")\"");
  EXPECT_EQ(complaint("status="), "syntax error at or near \")\"");
  EXPECT_EQ(complaint("status='online' -- "), "syntax error at or near \"ORDER\"");
  EXPECT_EQ(complaint("status='online' /* x"),
            "unterminated /* comment at or near \"/* x)\n\t\tORDER BY agents.queueloc ASC\"");
  EXPECT_EQ(complaint("name GLOB 'web*'"), "syntax error at or near \"GLOB\"");
  EXPECT_EQ(complaint("id = 1::money"), "type \"money\" does not exist");
  EXPECT_EQ(complaint("name = `x`"), "syntax error at or near \"`\"");
  EXPECT_EQ(complaint(""), "syntax error at or near \")\"");
}

TEST_F(TargetTest, RefusesEverythingButReadingAgents) {
  EXPECT_EQ(complaint("1=1; DROP TABLE agents"), "syntax error at or near \";\"");
  EXPECT_EQ(complaint("id IN (SELECT rootpage FROM sqlite_master)"), "permission denied for relation");
  EXPECT_EQ(complaint("load_extension('x') = 1"), "function load_extension() does not exist");
  EXPECT_EQ(complaint("randomblob(10) = 1"), "function randomblob() does not exist");
  EXPECT_EQ(complaint("EXISTS (WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n FROM r) SELECT n FROM r)"),
            "permission denied for relation");
  EXPECT_THAT(match("status='online'"), ElementsAre(1, 3));
}

TEST_F(TargetTest, StopsWhatTakesForEver) {
  table.in_bulk([&] {
    for (int i = 0; i < 2000; ++i) add(100 + i, "x", "online", "{}", "{}");
  });
  EXPECT_EQ(complaint("(SELECT count(*) FROM agents a, agents b, agents c WHERE a.pid + b.pid + c.pid = -1) = 1"),
            "canceling statement due to statement timeout");
}

TEST(LikePattern, MatchesAsPostgresqlDoes) {
  EXPECT_TRUE(like("abc", "abc", Case::sensitive));
  EXPECT_FALSE(like("abc", "ABC", Case::sensitive));
  EXPECT_TRUE(like("abc", "ABC", Case::ignored));
  EXPECT_TRUE(like("abc", "a%", Case::sensitive));
  EXPECT_TRUE(like("abc", "%b%", Case::sensitive));
  EXPECT_FALSE(like("abc", "b%", Case::sensitive));
  EXPECT_TRUE(like("", "%", Case::sensitive));
  EXPECT_TRUE(like("", "", Case::sensitive));
  EXPECT_FALSE(like("", "_", Case::sensitive));
  EXPECT_TRUE(like("h\u00E9", "h_", Case::sensitive));
  EXPECT_TRUE(like("a%b", "a\\%b", Case::sensitive));
  EXPECT_FALSE(like("axb", "a\\%b", Case::sensitive));
  EXPECT_TRUE(like("mississippi", "m%iss%ip_i", Case::sensitive));
  EXPECT_FALSE(like("mississippi", "m%iss%ip_x", Case::sensitive));
}

}  // namespace
}  // namespace mig_sandbox::test

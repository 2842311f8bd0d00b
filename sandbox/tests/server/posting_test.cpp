#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/percent.h"
#include "mig/action.h"
#include "sandbox/base/form.h"
#include "sandbox/base/go_json.h"
#include "server/stand.h"

namespace mig_sandbox::test {
namespace {

using ::testing::StartsWith;

json vectors(const char* name) {
  return json::parse(mig_runner::test::read_text(std::string(MIG_TEST_DATA "/vectors/") + name));
}

TEST(Posting, GivesBackWhatIsStoredAndCountsUp) {
  Stand stand;
  const auto first = stand.launch();
  const auto second = stand.launch();
  EXPECT_GT(second, first);
  EXPECT_LT(second, std::int64_t{1} << 53U);
  EXPECT_EQ(stand.action(first).at("status"), "pending");
  const auto posts = json::parse(stand.client().get("/sandbox/posts").body);
  ASSERT_EQ(posts.size(), 2U);
  EXPECT_EQ(posts[0].at("id"), first);
  EXPECT_EQ(posts[0].at("name"), "mig-runner: test");
  EXPECT_EQ(posts[0].at("validfrom"), "2026-11-23T07:59:00Z");
}

TEST(Posting, RefusesWhatTheServerRefuses) {
  Stand stand;
  const auto refused = [&](auto change) {
    json document = json::parse(stand.document({}));
    change(document);
    const auto answer = stand.post(document.dump());
    EXPECT_EQ(answer.status, 500);
    return error_of(answer);
  };
  EXPECT_EQ(refused([](json& d) { d["name"] = "other"; }),
            "VerifySignatures() -> openpgp: invalid signature: hash tag doesn't match");
  EXPECT_EQ(refused([](json& d) { d["operations"][0]["module"] = "file"; }),
            "VerifySignatures() -> openpgp: invalid signature: hash tag doesn't match");
  EXPECT_EQ(refused([](json& d) { d["pgpsignatures"][0] = "abc=def"; }),
            "VerifySignatures() -> openpgp: invalid data: tag byte does not have MSB set");
  EXPECT_EQ(refused([](json& d) { d["pgpsignatures"] = json::array(); }), "action pgpsignatures is empty");
  EXPECT_EQ(refused([](json& d) { d["name"] = ""; }), "action name is empty");
  EXPECT_EQ(refused([](json& d) { d["target"] = ""; }), "action target is empty");
  EXPECT_EQ(refused([](json& d) { d["syntaxversion"] = 1; }), "wring syntax version, expected 2");
  EXPECT_EQ(refused([](json& d) { d.erase("validfrom"); }),
            "VerifySignatures() -> openpgp: invalid signature: hash tag doesn't match");
  EXPECT_EQ(refused([](json& d) { d["expireafter"] = "2026-11-23T07:58:00Z"; }),
            "action expireafter is set before action validfrom");
  EXPECT_EQ(refused([](json& d) { d["expireafter"] = "2026-11-23T07:59:59Z"; }), "action expireafter is in the past");
  // In this order, and before the signatures are looked at.
  EXPECT_EQ(refused([](json& d) {
              d["operations"] = nullptr;
              d["pgpsignatures"] = json::array();
            }),
            "action operations is empty");
  EXPECT_EQ(refused([](json& d) {
              d["syntaxversion"] = 1;
              d["expireafter"] = "2026-11-23T07:58:00Z";
            }),
            "wring syntax version, expected 2");
  EXPECT_THAT(refused([](json& d) { d["target"] = 5; }), StartsWith("json: "));
  EXPECT_EQ(json::parse(stand.client().get("/sandbox/posts").body).size(), 0U);
  EXPECT_EQ(json::parse(stand.client().get("/sandbox/refused").body).size(), 13U);
}

TEST(Posting, KeepsTheLimitsOfTheColumns) {
  Stand stand;
  Stand::Draft draft;
  draft.name = std::string(2048, 'n');
  draft.target = "name <> '" + std::string(2048 - 10, 'x') + "'";
  EXPECT_EQ(stand.post(stand.document(draft)).status, 202);
  draft.target += "  ";
  EXPECT_EQ(stand.action(stand.launch(draft)).at("target"), draft.target.substr(0, 2048));
  draft.target += 'x';
  EXPECT_THAT(error_of(stand.post(stand.document(draft))), ::testing::HasSubstr("character varying(2048)"));
  draft.target = "t";
  draft.name += 'n';
  EXPECT_THAT(error_of(stand.post(stand.document(draft))), ::testing::HasSubstr("character varying(2048)"));
  json many = json::parse(stand.document({}));
  const json signature = many["pgpsignatures"][0];
  while (many["pgpsignatures"].size() * signature.get<std::string>().size() <= 4096)
    many["pgpsignatures"].push_back(signature);
  EXPECT_THAT(error_of(stand.post(many.dump())), ::testing::HasSubstr("character varying(4096)"));
}

// What a search for the commands of an action says.
std::string commands_of(Stand& stand, std::int64_t id) {
  const auto answer = stand.get("search?type=command&actionid=" + std::to_string(id));
  return std::to_string(answer.status) + " " + error_of(answer);
}

// The signatures have a table of their own, with one row for an investigator; each is written after the action.
TEST(Posting, StoresTheActionBeforeItsSignatures) {
  ServerOptions options;
  options.fleet.agents = 5;
  options.fleet.away = 0;
  Stand stand(options);
  json twice = json::parse(stand.document({}));
  twice["pgpsignatures"].push_back(twice["pgpsignatures"][0]);
  const auto answer = stand.post(twice.dump());
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(error_of(answer),
            "Failed to store signature: 'pq: duplicate key value violates unique constraint "
            "\"signatures_actionid_investigatorid_idx\"'");
  const auto posts = json::parse(stand.client().get("/sandbox/posts").body);
  ASSERT_EQ(posts.size(), 1U);
  EXPECT_EQ(posts[0].at("status"), 500);
  stand.steps(4);
  // The first of the two has its row.
  EXPECT_EQ(commands_of(stand, posts[0].at("id")), "200 ");
}

TEST(Posting, ListsNoCommandsOfAnActionWithoutASignature) {
  ServerOptions options;
  options.fleet.agents = 5;
  options.fleet.away = 0;
  for (const char* fault : {"stored-500", "orphan"}) {
    SCOPED_TRACE(fault);
    Stand stand(options);
    ASSERT_TRUE(stand.server->add_fault(std::string(fault) + ":count=1"));
    const auto answer = stand.post(stand.document({}));
    EXPECT_EQ(answer.status, fault == std::string("orphan") ? 202 : 500);
    if (answer.status == 500) {
      EXPECT_EQ(error_of(answer), "Failed to store signature: 'pq: permission denied for table signatures'");
    }
    stand.steps(4);
    stand.clock.advance(std::chrono::seconds(59));
    stand.steps(1);
    const auto found = stand.values("search?type=action&actionname=mig-runner:%20test");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].at("pgpsignatures").size(), 1U);
    EXPECT_FALSE(found[0].contains("investigators"));
    const auto id = found[0].at("id").get<std::int64_t>();
    // Its agents work on it, and it counts them.
    EXPECT_EQ(stand.action(id).at("counters").at("sent"), 5);
    EXPECT_EQ(stand.action(id).at("counters").at("done"), 5);
    EXPECT_EQ(commands_of(stand, id), "404 no results found");
    EXPECT_EQ(stand.get("search?type=command&status=%25").status, 500);
    EXPECT_EQ(stand.get("search?type=command&agentname=%25.net").status, 404);
    // The next is whole.
    EXPECT_TRUE(stand.action(stand.launch()).contains("investigators"));
  }
}

// Each vector is signed as the runner would, travels through the form, and has to verify on the text that the sandbox
// builds from what it decoded.
TEST(Posting, VerifiesEveryCanonicalVectorFromItsOwnDecoding) {
  Stand stand;
  int accepted = 0;
  int refused = 0;
  for (const auto& vector : vectors("action_canonical.json")) {
    if (vector.contains("error")) continue;
    SCOPED_TRACE(vector.at("input").get<std::string>());
    stand.clock.set(mig_runner::parse_rfc3339(vector.at("validfrom").get<std::string>()).value());
    const auto action = mig_runner::mig::Action::parse(vector.at("posted").get<std::string>()).value();
    const std::vector<std::string> signatures = {Stand::sign(vector.at("signed").get<std::string>())};
    const auto answer = stand.post(action.document(signatures));
    if (action.target().empty() || !action.operations()) {
      EXPECT_EQ(error_of(answer), action.target().empty() ? "action target is empty" : "action operations is empty");
      ++refused;
      continue;
    }
    ++accepted;
    ASSERT_EQ(answer.status, 202) << answer.body;
    const json stored = json::parse(answer.body).at("collection").at("items").at(0).at("data").at(0).at("value");
    const json posted = json::parse(vector.at("posted").get<std::string>());
    for (const char* field : {"name", "target", "description", "threat", "validfrom", "expireafter", "operations"})
      EXPECT_EQ(stored.at(field), posted.at(field)) << field;
  }
  EXPECT_GE(accepted, 140);
  EXPECT_EQ(accepted + refused, 160);
}

TEST(Posting, SaysWhatGoSaysAboutBrokenJson) {
  int checked = 0;
  for (const auto& vector : vectors("action_canonical.json")) {
    if (!vector.contains("error")) continue;
    const std::string error = vector.at("error");
    const bool syntax = error.starts_with("invalid character") || error.starts_with("unexpected end");
    EXPECT_EQ(go_syntax_error(vector.at("input").get<std::string>()), syntax ? error : "");
    checked += syntax ? 1 : 0;
  }
  EXPECT_EQ(checked, 4);
  EXPECT_EQ(go_syntax_error("{bad"), "invalid character 'b' looking for beginning of object key string");
  EXPECT_EQ(go_syntax_error("[1 2]"), "invalid character '2' after array element");
  EXPECT_EQ(go_syntax_error("{\"a\" 1}"), "invalid character '1' after object key");
  EXPECT_EQ(go_syntax_error("{\"a\":1 \"b\"}"), "invalid character '\"' after object key:value pair");
  EXPECT_EQ(go_syntax_error("trux"), "invalid character 'x' in literal true (expecting 'e')");
  EXPECT_EQ(go_syntax_error("\"\\x\""), "invalid character 'x' in string escape code");
  EXPECT_EQ(go_syntax_error("\"a\nb\""), "invalid character '\\n' in string literal");
  EXPECT_EQ(go_syntax_error("1.x"), "invalid character 'x' after decimal point in numeric literal");
  EXPECT_EQ(go_syntax_error("[01]"), "invalid character '1' after array element");
  EXPECT_EQ(go_syntax_error(" {\"a\":[true,null,-1.5e+3,\"\\u00e9\"]} "), "");
}

TEST(Form, IsReadAsGoReadsIt) {
  const auto form = parse_form("a=1&b=x+y%20z&a=2&bad=%zz&c&=e&d=%");
  EXPECT_EQ(form.at("a"), "1");
  EXPECT_EQ(form.at("b"), "x y z");
  EXPECT_EQ(form.at("c"), "");
  EXPECT_FALSE(form.contains("bad"));
  EXPECT_FALSE(form.contains("d"));
  EXPECT_EQ(parse_form("x=" + mig_runner::percent_encode("a&b=c %+\n")).at("x"), "a&b=c %+\n");
}

TEST(Authentication, KnowsPermissions) {
  ServerOptions options;
  options.limited_api_keys = {"limited"};
  Stand stand(options);
  const auto ask = [&](const char* method, const std::string& path) {
    const auto answer = stand.client().request(method, "/api/v1/" + path, {{"X-MIGAPIKEY", "limited"}});
    return std::to_string(answer.status) + " " + error_of(answer);
  };
  EXPECT_EQ(ask("GET", "dashboard"), "200 ");
  EXPECT_EQ(ask("GET", "search?type=action&actionname=x"), "404 no results found");
  EXPECT_EQ(ask("GET", "action?actionid=1"), "401 Insufficient permissions to access endpoint");
  EXPECT_EQ(ask("POST", "action/create/"), "401 Insufficient permissions to access endpoint");
}

TEST(Authentication, LetsInWhoTheServerLetsIn) {
  Stand stand;
  const auto status = [&](const std::map<std::string, std::string>& headers) {
    const auto answer = stand.client().get("/api/v1/dashboard", headers);
    return std::to_string(answer.status) + " " + error_of(answer);
  };
  const std::string prefix = "401 Authorization verification failed with error '";
  using std::chrono::minutes;
  const auto now = stand.clock.now();
  EXPECT_EQ(status({}), "401 Valid authentication header not found");
  EXPECT_EQ(status({{"X-MIGAPIKEY", "key"}}), "200 ");
  EXPECT_EQ(status({{"X-MIGAPIKEY", "yek"}}), prefix + "API key authentication failed'");
  const std::string token = stand.token(now);
  EXPECT_EQ(status({{"X-PGPAUTHORIZATION", token}}), "200 ");
  EXPECT_EQ(status({{"x-pgpauthorization", token}}), "200 ");
  EXPECT_EQ(status({{"X-PGPAUTHORIZATION", stand.token(now + minutes(10))}}), "200 ");
  const std::string late = prefix + "verifySignedToken() -> token timestamp is not within acceptable time limits'";
  EXPECT_EQ(status({{"X-PGPAUTHORIZATION", stand.token(now + minutes(11))}}), late);
  EXPECT_EQ(status({{"X-PGPAUTHORIZATION", stand.token(now - minutes(11))}}), late);
  std::string forged = token;
  forged.replace(forged.find(";12345;"), 7, ";12346;");
  EXPECT_EQ(status({{"X-PGPAUTHORIZATION", forged}}),
            prefix + "verifySignedToken() -> openpgp: invalid signature: hash tag doesn't match'");
  EXPECT_EQ(status({{"X-PGPAUTHORIZATION", "1;x"}}), prefix + "verifySignedToken() -> invalid token format'");
  // A token is good again and again, until its time is over.
  stand.clock.advance(minutes(11));
  EXPECT_EQ(status({{"X-PGPAUTHORIZATION", token}}), late);
}

}  // namespace
}  // namespace mig_sandbox::test

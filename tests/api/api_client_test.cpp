#include "api/api_client.h"

#include <gmock/gmock.h>

#include <deque>
#include <nlohmann/json.hpp>

#include "api/counting_signer.h"
#include "support/manual_clock.h"

namespace mig_runner::api {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;

struct Script {
  std::deque<Result<HttpAnswer>> answers;
  std::vector<HttpRequest> requests;

  Result<HttpAnswer> next(const HttpRequest& request) {
    requests.push_back(request);
    if (answers.empty()) return fail("no answer left");
    auto answer = answers.front();
    answers.pop_front();
    return answer;
  }
};

class ScriptedHttp final : public Http {
 public:
  explicit ScriptedHttp(Script& script) : script_(script) {}
  void perform_all(const std::vector<HttpRequest>& requests,
                   const std::function<void(std::size_t, Result<HttpAnswer>)>& done,
                   const std::function<void()>& /*idle*/) override {
    for (std::size_t i = 0; i < requests.size(); ++i) done(i, script_.next(requests[i]));
  }

 private:
  Script& script_;
};

// `data` is one datum or several.
HttpAnswer collection(long status, const json& data, const std::string& error = "") {
  json root = {{"collection", {{"version", "1.0"}, {"template", json::object()}, {"error", json::object()}}}};
  if (!data.is_null())
    root["collection"]["items"] =
        json::array({{{"href", "x"}, {"data", data.is_array() ? data : json::array({data})}}});
  if (!error.empty()) root["collection"]["error"] = {{"code", "1"}, {"message", error}};
  return {status, root.dump(), ""};
}

json datum(const std::string& name, const json& value) {
  return {{"name", name}, {"value", value}};
}

// The answer to a post that was taken.
HttpAnswer accepted(std::int64_t id) {
  return collection(202, {datum("action ID " + std::to_string(id),
                                {{"id", id}, {"name", "n"}, {"pgpsignatures", {"another", "SIG"}}})});
}

Result<StoredAction> post(ApiClient& client, const std::string& document = "{}") {
  Result<StoredAction> stored = fail("no answer");
  const Posting posting{document, "n", "SIG"};
  client.post_actions({&posting, 1}, [&](std::size_t, Result<StoredAction> answer) { stored = std::move(answer); }, {});
  return stored;
}

class ApiClientTest : public testing::Test {
 protected:
  void answers(std::vector<Result<HttpAnswer>> all) { script.answers.assign(all.begin(), all.end()); }
  std::vector<std::int64_t> fetch(FetchOptions options, Retry* retry = nullptr) {
    std::vector<std::int64_t> ids;
    const auto fetched = client.fetch_commands(7, options, [&](const CommandSlice& command) -> Result<void> {
      EXPECT_EQ(json::parse(command.json).at("id"), command.id);
      ids.push_back(command.id);
      return {};
    });
    if (retry != nullptr && !fetched) *retry = fetched.error().retry;
    return ids;
  }

  test::ManualClock clock{parse_rfc3339("2026-11-23T08:00:00Z").value()};
  TokenSource tokens{clock};
  Script script;
  std::atomic<int> signatures_made = 0;
  ApiClient client{"http://api/", std::make_unique<ScriptedHttp>(script),
                   std::make_unique<test::CountingSigner>(signatures_made), tokens};
};

TEST_F(ApiClientTest, PostsTheDocumentAsAForm) {
  answers({accepted(12)});
  const auto stored = post(client, "{\"a\":\"& +\xc3\xa9\"}").value();
  EXPECT_EQ(stored.id, 12);
  EXPECT_EQ(json::parse(stored.json).at("name"), "n");
  EXPECT_EQ(script.requests[0].url, "http://api/action/create/");
  EXPECT_EQ(script.requests[0].form_body, "action=%7B%22a%22%3A%22%26%20%2B%C3%A9%22%7D");
}

TEST_F(ApiClientTest, SaysWhatTheAnswerToAPostProves) {
  struct Case {
    HttpAnswer answer;
    Retry retry;
  };
  const std::vector<Case> cases{
      {collection(500, nullptr, "invalid character 'b' looking for beginning of object key string"), Retry::no},
      {collection(500, nullptr, "action target is empty"), Retry::no},
      {collection(500, nullptr, "Failed to store action: 'pq: value too long for type character varying(2048)'"),
       Retry::no},
      {collection(400, nullptr, "bad"), Retry::no},
      {collection(500, nullptr, "VerifySignatures() -> openpgp: invalid signature: RSA verification failure"),
       Retry::anew},
      // The action may be stored: the API answers so after it stored it, too, and a proxy knows nothing of it.
      {collection(500, nullptr, "Failed to store signature: 'pq: permission denied for table signatures'"),
       Retry::outcome_unknown},
      {collection(500, nullptr, "pq: sorry, too many clients already"), Retry::outcome_unknown},
      {collection(500, nullptr, "getKeyring() -> dial tcp 127.0.0.1:5432: connection refused"), Retry::outcome_unknown},
      {collection(503, nullptr, "going down"), Retry::outcome_unknown},
      {collection(429, nullptr, "slow down"), Retry::outcome_unknown},
      {{302, "", "", "", "https://login.example.net/?secret"}, Retry::outcome_unknown},
      {{400, "<html>", ""}, Retry::outcome_unknown},
      {{401, "<html>log in</html>", ""}, Retry::outcome_unknown},
      {{403, "<html>", ""}, Retry::outcome_unknown},
      {{404, "404 page not found\n", ""}, Retry::outcome_unknown},
      {{405, "", ""}, Retry::outcome_unknown},
      {{407, "", ""}, Retry::outcome_unknown},
      {{408, "", ""}, Retry::outcome_unknown},
      {{413, "<html>Request Entity Too Large</html>", ""}, Retry::outcome_unknown},
      {{421, "", ""}, Retry::outcome_unknown},
      {{429, "", ""}, Retry::outcome_unknown},
      {{500, "<html>", ""}, Retry::outcome_unknown},
      {{502, "<html>Bad Gateway</html>", ""}, Retry::outcome_unknown},
      {{504, "", ""}, Retry::outcome_unknown},
      {{202, "not json", ""}, Retry::outcome_unknown},
      {{202, "<html>Welcome</html>", ""}, Retry::outcome_unknown},
      {collection(202, {datum("action ID 12", {{"id", "12"}})}), Retry::outcome_unknown},
      {{200, "", ""}, Retry::outcome_unknown},
  };
  for (const auto& item : cases) {
    answers({item.answer});
    const auto stored = post(client);
    ASSERT_FALSE(stored) << item.answer.body;
    EXPECT_EQ(script.requests.size(), 1U) << "nothing is posted again before the API was asked";
    script.requests.clear();
    EXPECT_EQ(stored.error().retry, item.retry) << item.answer.status << item.answer.body;
    EXPECT_EQ(stored.error().where, "http://api/action/create/");
  }
}

TEST_F(ApiClientTest, A202IsBelievedOnlyOfTheActionThatWasPosted) {
  for (const json& other :
       {json{{"id", 12}, {"name", "another"}, {"pgpsignatures", {"SIG"}}}, json{{"id", 12}, {"name", "n"}},
        json{{"id", 12}, {"name", "n"}, {"pgpsignatures", {"another"}}}}) {
    answers({collection(202, {datum("action ID 12", other)})});
    const auto stored = post(client);
    ASSERT_FALSE(stored) << other;
    EXPECT_EQ(stored.error().retry, Retry::outcome_unknown) << other;
    EXPECT_THAT(stored.error().what, HasSubstr("another action than the one that was posted"));
  }
}

TEST_F(ApiClientTest, TellsTheApisWordsFromAPageOfAProxy) {
  const std::vector<std::pair<HttpAnswer, std::string>> cases{
      {collection(500, nullptr, "pq: no"), "the API answers 500: pq: no"},
      {{502, "<html>\r\n<head><title>502 Bad  Gateway</title></head></html>", ""},
       "an answer 502 of a proxy or another server in place of the API's: 502 Bad Gateway"},
      {{504, "", ""}, "an answer 504 of a proxy or another server in place of the API's: no text"},
      {{302, "<a>", "", "", "https://u:p@login.example.net/in?secret"},
       "a redirect (302) to https://login.example.net/in in place of the API's answer: set api.url to where the API "
       "is"},
      {{301, "", "", "", "http://api/" + std::string(50'000, 'x')},
       "a redirect (301) to http://api/" + std::string(289, 'x') +
           ".. in place of the API's answer: set api.url to where "
           "the API is"},
  };
  for (const auto& [answer, text] : cases) {
    answers({answer});
    EXPECT_EQ(post(client).error().what, text);
    answers({answer});
    EXPECT_EQ(client.action_status(7).error().what, text);
  }
}

TEST_F(ApiClientTest, KeepsForHowLongItIsAskedToWait) {
  const std::string date = "Mon, 23 Nov 2026 08:00:00 GMT";
  const std::vector<std::pair<std::string, std::chrono::milliseconds>> cases{
      {"120", 2min}, {"0", 0min},           {"-5", 0min},  {"Mon, 23 Nov 2026 08:00:30 GMT", 30s}, {"soon", 0min},
      {"", 0min},    {"99999999999", 168h}, {"1.5", 0min}, {"Mon, 23 Nov 2026 07:00:00 GMT", 0min}};
  for (const auto& [header, wait] : cases) {
    const HttpAnswer answer{503, "<html>", date, header, ""};
    answers({answer});
    EXPECT_EQ(post(client).error().wait, wait) << header;
    answers({answer});
    EXPECT_EQ(client.action_status(7).error().wait, wait) << header;
  }
}

TEST_F(ApiClientTest, ATokenServesManyRequests) {
  for (int i = 0; i < 3; ++i) {
    answers({collection(404, nullptr, "no results found")});
    EXPECT_EQ(client.find_action("n", clock.now(), {}).value(), std::nullopt);
  }
  EXPECT_EQ(signatures_made, 1);
  EXPECT_THAT(script.requests[2].headers.at(0),
              testing::MatchesRegex("X-PGPAUTHORIZATION: 1;2026-11-23T08:00:00Z;[0-9]+;SIG1"));
}

TEST_F(ApiClientTest, A401IsTriedOnceMoreWithANewToken) {
  answers({collection(401, nullptr, "expired"), accepted(12)});
  EXPECT_EQ(post(client).value().id, 12);
  EXPECT_NE(script.requests[0].headers, script.requests[1].headers);
  EXPECT_EQ(script.requests[0].form_body, script.requests[1].form_body);
  answers({collection(401, nullptr, "no"), collection(401, nullptr, "no"), collection(401, nullptr, "no")});
  EXPECT_EQ(post(client).error().retry, Retry::later);
  EXPECT_EQ(script.answers.size(), 1U);
}

TEST_F(ApiClientTest, AnApiKeyThatIsRefusedIsNotSentAgain) {
  TokenSource key("secret");
  ApiClient keyed("http://api/", std::make_unique<ScriptedHttp>(script),
                  std::make_unique<test::CountingSigner>(signatures_made), key);
  answers({collection(401, nullptr, "API key authentication failed"), collection(401, nullptr, "no")});
  const auto stored = post(keyed);
  EXPECT_EQ(stored.error().retry, Retry::later);
  EXPECT_EQ(stored.error().text().find("secret"), std::string::npos);
  EXPECT_EQ(script.requests.size(), 1U);
  EXPECT_THAT(script.requests[0].headers, testing::ElementsAre("X-MIGAPIKEY: secret"));
}

// What the network did is what a post says; a reading can always be tried again.
TEST_F(ApiClientTest, ErrorsOfTheNetworkKeepTheirKind) {
  for (const auto retry : {Retry::no, Retry::later, Retry::outcome_unknown}) {
    const auto broken = fail("broken", "http://api/x", retry);
    const auto reading = retry == Retry::outcome_unknown ? Retry::later : retry;
    answers({broken});
    EXPECT_EQ(post(client).error().retry, retry);
    answers({broken});
    EXPECT_EQ(client.find_action("n", clock.now(), {}).error().retry, reading);
    answers({broken});
    EXPECT_EQ(client.action_status(7).error().retry, reading);
    answers({broken});
    EXPECT_EQ(client.count_agents("true").error().retry, reading);
    script.answers.assign(12, broken);
    Retry fetched = Retry::no;
    fetch({}, &fetched);
    EXPECT_EQ(fetched, reading);
  }
}

TEST_F(ApiClientTest, ErrorsNameTheAddressWithoutQueryAndPassword) {
  ApiClient known("https://user:hush@api/", std::make_unique<ScriptedHttp>(script),
                  std::make_unique<test::CountingSigner>(signatures_made), tokens);
  answers({collection(500, nullptr, "x"), collection(500, nullptr, "x"), collection(500, nullptr, "x")});
  EXPECT_EQ(post(known).error().where, "https://api/action/create/");
  EXPECT_EQ(known.find_action("n", clock.now(), {}).error().where, "https://api/search");
  EXPECT_EQ(known.action_status(1).error().where, "https://api/action");
  answers({collection(500, nullptr, "x")});
  const auto sink = [](const CommandSlice&) -> Result<void> { return {}; };
  EXPECT_EQ(known.fetch_commands(1, {}, sink).error().where, "https://api/search");
  answers({collection(500, nullptr, "x"), fail("it closed the connection", "")});
  EXPECT_EQ(known.count_agents("true").error().where, "https://api/search");
  EXPECT_EQ(known.count_agents("true").error().where, "https://api/search");
  EXPECT_EQ(known.address(), "https://api/");
}

json actions_named(const std::string& name, int count) {
  json data = json::array();
  for (int i = 1; i <= count; ++i)
    data.push_back(datum("action", {{"id", i}, {"name", name}, {"pgpsignatures", {"other" + std::to_string(i)}}}));
  return data;
}

TEST_F(ApiClientTest, FindsAnActionByItsSignature) {
  auto list = actions_named("mig-runner: a%b", 20);
  list.push_back(datum("action", {{"id", 555}, {"name", "mig-runner: a%b"}, {"pgpsignatures", {"a", "mine"}}}));
  const std::vector<std::string> signatures{"first try", "mine"};
  answers({collection(200, list)});
  EXPECT_EQ(client.find_action("mig-runner: a%b", clock.now(), signatures).value()->id, 555);
  // A second before: the server may have rounded.
  EXPECT_THAT(script.requests[0].url,
              HasSubstr("actionname=mig-runner%3A%20a%25b&after=2026-11-23T07%3A59%3A59Z&limit=100&offset=0"));
  answers({collection(200, actions_named("mig-runner: a%b", 20))});
  EXPECT_EQ(client.find_action("mig-runner: a%b", clock.now(), signatures).value(), std::nullopt);
}

// Two pages of an order that is not stable could both lack the action.
TEST_F(ApiClientTest, AListLongerThanItsLimitIsAskedForWhole) {
  auto whole = actions_named("n", 400);
  whole.push_back(datum("action", {{"id", 555}, {"name", "n"}, {"pgpsignatures", {"mine"}}}));
  answers({collection(200, actions_named("n", 100)), collection(200, whole)});
  EXPECT_EQ(client.find_action("n", clock.now(), std::vector<std::string>{"mine"}).value()->id, 555);
  EXPECT_THAT(script.requests[0].url, HasSubstr("&limit=100&offset=0"));
  EXPECT_THAT(script.requests[1].url, HasSubstr("&limit=1000&offset=0"));
  EXPECT_GT(script.requests[1].timeout, script.requests[0].timeout);
}

TEST_F(ApiClientTest, AListOfActionsThatDoesNotEndIsAnErrorAndNoAnswer) {
  answers({});
  for (const int limit : {100, 1'000, 10'000, 100'000})
    script.answers.push_back(collection(200, actions_named("n", limit)));
  const auto found = client.find_action("n", clock.now(), std::vector<std::string>{"mine"});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().retry, Retry::later);
}

// A backslash in an ILIKE pattern does not match itself: the action would seem to be unknown, and be posted again.
TEST_F(ApiClientTest, ABackslashInANameIsFound) {
  answers({collection(200, {datum("action", {{"id", 5}, {"name", R"(a\b)"}, {"pgpsignatures", {"mine"}}})})});
  EXPECT_EQ(client.find_action(R"(a\b)", clock.now(), std::vector<std::string>{"mine"}).value()->id, 5);
  EXPECT_THAT(script.requests[0].url, HasSubstr("actionname=a_b&"));
}

TEST_F(ApiClientTest, ASignatureUnderAnotherNameIsNoAnswer) {
  answers({collection(200, {datum("action", {{"id", 5}, {"name", "other"}, {"pgpsignatures", {"mine"}}})})});
  const auto found = client.find_action("n", clock.now(), std::vector<std::string>{"mine"});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().retry, Retry::later);
}

TEST_F(ApiClientTest, ANotFoundThatIsNotTheApisIsNoAnswer) {
  answers({HttpAnswer{404, "404 page not found\n", ""}});
  EXPECT_FALSE(client.find_action("n", clock.now(), {}));
  answers({HttpAnswer{404, "404 page not found\n", ""}});
  Retry retry = Retry::no;
  fetch({}, &retry);
  EXPECT_EQ(retry, Retry::later);
}

TEST_F(ApiClientTest, AStatusIsOfTheActionThatWasAskedFor) {
  answers({collection(
      200, {datum("action",
                  {{"id", 7}, {"status", "inflight"}, {"target", "t"}, {"counters", {{"sent", 9}, {"done", 4}}}})})});
  const auto status = client.action_status(7).value();
  EXPECT_EQ(status.status, "inflight");
  EXPECT_EQ(status.sent, 9);
  EXPECT_EQ(status.done, 4);
  answers({collection(200, {datum("action", {{"id", 8}})})});
  EXPECT_FALSE(client.action_status(7));
}

TEST_F(ApiClientTest, MessagesOfTheOtherSideAreEscapedAndCut) {
  answers({HttpAnswer{500, "\x1b[31m\r\n" + std::string(10'000, 'x'), ""}});
  const auto text = post(client).error().text();
  EXPECT_LT(text.size(), 500U);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST_F(ApiClientTest, TriesATarget) {
  answers({collection(200, {datum("agent", {{"id", 5}})}), collection(404, nullptr, "no results found"),
           collection(500, nullptr, "Error while finding agents: 'pq: syntax error'"), HttpAnswer{502, "<html>", ""}});
  EXPECT_TRUE(client.try_target("id > 0"));
  EXPECT_TRUE(client.try_target("id < 0"));
  EXPECT_THAT(client.try_target("nonsense(").error().what, HasSubstr("finding agents: 'pq: syntax error'"));
  EXPECT_THAT(client.try_target("id > 0").error().what, HasSubstr("502"));
  EXPECT_EQ(script.requests[2].url, "http://api/search?type=agent&target=nonsense%28");
}

}  // namespace
}  // namespace mig_runner::api

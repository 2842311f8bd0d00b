#include "api/api_client.h"

#include <gmock/gmock.h>

#include <deque>
#include <nlohmann/json.hpp>

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
  Result<HttpAnswer> perform(const HttpRequest& request) override { return script_.next(request); }
  void perform_all(const std::vector<HttpRequest>& requests,
                   const std::function<void(std::size_t, Result<HttpAnswer>)>& done) override {
    for (std::size_t i = 0; i < requests.size(); ++i) done(i, script_.next(requests[i]));
  }

 private:
  Script& script_;
};

class CountingSigner final : public sign::Signer {
 public:
  Result<std::string> sign(std::string_view text) override {
    texts.emplace_back(text);
    return "SIG" + std::to_string(texts.size());
  }
  inline static std::vector<std::string> texts;
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

HttpAnswer page(const std::vector<int>& ids) {
  json data = json::array();
  for (const int id : ids) data.push_back(datum("command", {{"id", id}, {"status", "success"}}));
  data.push_back(datum("search parameters", json::object()));
  return collection(200, data);
}

class ApiClientTest : public testing::Test {
 protected:
  ApiClientTest() { CountingSigner::texts.clear(); }
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
  ApiClient client{"http://api/", std::make_unique<ScriptedHttp>(script), std::make_unique<CountingSigner>(), tokens};
};

TEST_F(ApiClientTest, PostsTheDocumentAsAForm) {
  answers({collection(202, {datum("action ID 12", {{"id", 12}, {"name", "n"}})})});
  const auto stored = client.post_action("{\"a\":\"& +\xc3\xa9\"}").value();
  EXPECT_EQ(stored.id, 12);
  EXPECT_EQ(json::parse(stored.json).at("name"), "n");
  EXPECT_EQ(script.requests[0].url, "http://api/action/create/");
  EXPECT_EQ(script.requests[0].form_body, "action=%7B%22a%22%3A%22%26%20%2B%C3%A9%22%7D");
}

TEST_F(ApiClientTest, TellsRefusalsFromFailures) {
  struct Case {
    HttpAnswer answer;
    Retry retry;
  };
  const std::vector<Case> cases{
      {collection(500, nullptr, "invalid character 'b' looking for beginning of object key string"), Retry::no},
      {collection(500, nullptr, "VerifySignatures() -> openpgp: invalid data"), Retry::no},
      {collection(500, nullptr, "Action.Target is empty. Expecting string."), Retry::no},
      {collection(500, nullptr, "pq: sorry, too many clients already"), Retry::later},
      {collection(503, nullptr, "going down"), Retry::later},
      {collection(400, nullptr, "bad"), Retry::no},
      {{403, "<html>", ""}, Retry::no},
      {{408, "", ""}, Retry::later},
      {{429, "", ""}, Retry::later},
      {{502, "<html>Bad Gateway</html>", ""}, Retry::outcome_unknown},
      {{504, "", ""}, Retry::outcome_unknown},
      {{202, "not json", ""}, Retry::outcome_unknown},
      {collection(202, {datum("action ID 12", {{"id", "12"}})}), Retry::outcome_unknown},
      {{200, "", ""}, Retry::outcome_unknown},
  };
  for (const auto& item : cases) {
    answers({item.answer});
    const auto stored = client.post_action("{}");
    ASSERT_FALSE(stored) << item.answer.body;
    EXPECT_EQ(stored.error().retry, item.retry) << item.answer.status << item.answer.body;
    EXPECT_EQ(stored.error().where, "http://api/action/create/");
  }
}

TEST_F(ApiClientTest, ATokenIsSharedAndRenewedAtHalfItsLife) {
  for (int i = 0; i < 3; ++i) {
    answers({collection(404, nullptr, "no results found")});
    EXPECT_EQ(client.find_action("n", clock.now(), {}).value(), std::nullopt);
  }
  EXPECT_EQ(CountingSigner::texts.size(), 1U);
  EXPECT_THAT(CountingSigner::texts[0], testing::MatchesRegex("1;2026-11-23T08:00:00Z;[0-9]+\n"));
  EXPECT_THAT(script.requests[2].headers.at(0),
              testing::MatchesRegex("X-PGPAUTHORIZATION: 1;2026-11-23T08:00:00Z;[0-9]+;SIG1"));
  clock.advance(5min);
  answers({collection(404, nullptr, "no results found")});
  client.find_action("n", clock.now(), {}).value();
  EXPECT_EQ(CountingSigner::texts.size(), 2U);
  clock.advance(-1h);  // a token from the future is no token
  answers({collection(404, nullptr, "no results found")});
  client.find_action("n", clock.now(), {}).value();
  EXPECT_EQ(CountingSigner::texts.size(), 3U);
}

TEST_F(ApiClientTest, A401IsTriedOnceMoreWithANewToken) {
  answers({collection(401, nullptr, "expired"), collection(202, {datum("action ID 12", {{"id", 12}})})});
  EXPECT_EQ(client.post_action("{}").value().id, 12);
  EXPECT_NE(script.requests[0].headers, script.requests[1].headers);
  answers({collection(401, nullptr, "no"), collection(401, nullptr, "no"), collection(401, nullptr, "no")});
  EXPECT_EQ(client.post_action("{}").error().retry, Retry::later);
  EXPECT_EQ(script.answers.size(), 1U);
}

TEST_F(ApiClientTest, FindsAnActionByItsSignatureAmongManyPages) {
  json first = json::array();
  for (int i = 1; i <= 100; ++i)
    first.push_back(datum("action", {{"id", i}, {"name", "n"}, {"pgpsignatures", {"other" + std::to_string(i)}}}));
  answers(
      {collection(200, first), collection(200, {datum("action", {{"id", 555}, {"pgpsignatures", {"a", "mine"}}})})});
  const std::vector<std::string> signatures{"first try", "mine"};
  EXPECT_EQ(client.find_action("mig-runner: a%b", clock.now(), signatures).value()->id, 555);
  EXPECT_THAT(script.requests[0].url,
              HasSubstr("actionname=mig-runner%3A%20a%25b&after=2026-11-23T08%3A00%3A00Z&limit=100&offset=0"));
  EXPECT_THAT(script.requests[1].url, HasSubstr("offset=100"));
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

TEST_F(ApiClientTest, ReadsEachPageOnceUpToTheEnd) {
  answers({page({1, 2}), page({3, 4}), page({5})});
  EXPECT_EQ(fetch({2, 3, 5}).size(), 5U);
  EXPECT_EQ(script.requests.size(), 3U);
  script.requests.clear();
  answers({page({1, 2}), page({3, 4}), collection(404, nullptr, "no results found")});
  EXPECT_EQ(fetch({2, 3, 0}).size(), 4U);
  EXPECT_THAT(script.requests[2].url, HasSubstr("type=command&limit=2&offset=4&actionid=7"));
}

TEST_F(ApiClientTest, AMalformedPagePassesNothingOn) {
  const auto good = page({1, 2}).body;
  for (const std::string& bad :
       {std::string("{"), good.substr(0, good.size() - 3), std::string("[]"),
        std::string("{\"collection\":{\"items\":[{}]}}"), page({0}).body,
        std::string("{\"collection\":{\"items\":[{\"data\":[{\"name\":\"command\",\"value\":{\"id\":1}},"
                    "{\"name\":\"command\",\"value\":{\"id\":1e400}}]}]}}"),
        std::string(3000, '['), std::string("\xff\xfe\x00", 3)}) {
    answers({HttpAnswer{200, bad, ""}});
    Retry retry = Retry::no;
    EXPECT_TRUE(fetch({2, 1, 2}, &retry).empty()) << bad.substr(0, 80);
    EXPECT_EQ(retry, Retry::later) << bad.substr(0, 80);
  }
}

TEST_F(ApiClientTest, MessagesOfTheOtherSideAreEscapedAndCut) {
  answers({HttpAnswer{500, "\x1b[31m\r\n" + std::string(10'000, 'x'), ""}});
  const auto text = client.post_action("{}").error().text();
  EXPECT_LT(text.size(), 500U);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace mig_runner::api

#include "api/greeting.h"

#include <gmock/gmock.h>

#include <atomic>

#include "api/api_client.h"
#include "api/counting_signer.h"

namespace mig_runner::api {
namespace {

using testing::HasSubstr;
using Kind = Greeting::Kind;

Greeting of(long status, const std::string& body) {
  return Greeting::of({status, body, "Mon, 23 Nov 2026 08:00:00 GMT"});
}

TEST(Greeting, OfTheApi) {
  const std::string error = R"({"collection":{"version":"1.0","template":{},"error":{"code":"1","message":")";
  const auto none = of(404, error + R"(no results found"}}})");
  EXPECT_EQ(none.kind, Kind::accepted);
  EXPECT_EQ(none.server_time, parse_rfc3339("2026-11-23T08:00:00Z").value());
  EXPECT_EQ(of(200, R"({"collection":{"version":"1.0","items":[],"error":{}}})").kind, Kind::accepted);
  const auto refused = of(401, error + R"(API key authentication failed"}}})");
  EXPECT_EQ(refused.kind, Kind::refused);
  EXPECT_EQ(refused.words, "401: API key authentication failed");
  for (const long status : {500, 502, 503, 429}) {
    const auto trouble = of(status, error + R"(pq: too many connections"}}})");
    EXPECT_EQ(trouble.kind, Kind::trouble);
    EXPECT_EQ(trouble.words, std::to_string(status) + ": pq: too many connections");
  }
}

TEST(Greeting, OfARedirect) {
  const auto redirect = Greeting::of({302, "<a>", "", "", "https://login.example.net/in?secret"});
  EXPECT_EQ(redirect.kind, Kind::stranger);
  EXPECT_EQ(redirect.words, "302: a redirect to https://login.example.net/in");
}

TEST(Greeting, OfAnotherAddress) {
  const auto go = of(404, "404 page not found\n");
  EXPECT_EQ(go.kind, Kind::nothing);
  EXPECT_EQ(go.words, "404: 404 page not found");
  EXPECT_EQ(of(404, R"({"collection":{"error":{"message":"Action ID '5' not found"}}})").kind, Kind::nothing);
}

TEST(Greeting, OfAProxy) {
  for (const long status : {200, 302, 401, 403, 404, 407, 500, 502}) {
    const auto page = of(status, "\r\n <!DOCTYPE html><html><title>Sign in</title>");
    EXPECT_EQ(page.kind, Kind::stranger) << status;
    EXPECT_THAT(page.words, HasSubstr("Sign in"));
    EXPECT_FALSE(page.is_of_the_api());
  }
  EXPECT_EQ(of(200, "{}").kind, Kind::stranger);
  EXPECT_EQ(of(200, "welcome").kind, Kind::stranger);
  EXPECT_EQ(of(200, "").kind, Kind::stranger);
  EXPECT_EQ(of(403, "no").kind, Kind::stranger);
  EXPECT_EQ(of(503, "upstream is away\n").kind, Kind::stranger);
  EXPECT_EQ(of(503, "upstream is away\n").words, "503: upstream is away");
  EXPECT_EQ(of(429, "").words, "429: nothing");
}

// As the real API: a search without a condition is a fault of its database.
class StrictHttp final : public Http {
 public:
  void perform_all(const std::vector<HttpRequest>& requests,
                   const std::function<void(std::size_t, Result<HttpAnswer>)>& done,
                   const std::function<void()>&) override {
    const auto& url = requests.at(0).url;
    const bool has_condition =
        url.find("&after=") != std::string::npos || url.find("&actionname=") != std::string::npos;
    done(0, HttpAnswer{has_condition ? 404 : 500,
                       std::string(R"({"collection":{"error":{"message":")") +
                           (has_condition ? "no results found" : R"(pq: syntax error at or near \"GROUP\")") + "\"}}}",
                       ""});
  }
};

TEST(Greeting, AsksWithACondition) {
  TokenSource tokens("key");
  std::atomic<int> signatures = 0;
  ApiClient client("https://mig.example.net/api/v1/", std::make_unique<StrictHttp>(),
                   std::make_unique<test::CountingSigner>(signatures), tokens);
  const auto greeting = client.greet();
  ASSERT_TRUE(greeting);
  EXPECT_EQ(greeting->kind, Kind::accepted) << greeting->words;
}

}  // namespace
}  // namespace mig_runner::api

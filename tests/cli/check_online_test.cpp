#include "cli/check_online.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "api/counting_signer.h"
#include "api/token_source.h"
#include "support/manual_clock.h"

namespace mig_runner::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using namespace std::chrono_literals;

constexpr const char* kUrl = "https://mig.example.net/api/v1/";

// An API whose clock says `date`; it has as many agents for a target as its name says, and complains of others.
class FakeHttp final : public api::Http {
 public:
  explicit FakeHttp(std::string date, long status = 200, std::string body = "")
      : date_(std::move(date)), status_(status), body_(std::move(body)) {}

  void perform_all(const std::vector<api::HttpRequest>& requests,
                   const std::function<void(std::size_t, Result<api::HttpAnswer>)>& done,
                   const std::function<void()>&) override {
    for (std::size_t i = 0; i < requests.size(); ++i) done(i, answer(requests[i]));
  }

 private:
  Result<api::HttpAnswer> answer(const api::HttpRequest& request) const {
    if (date_ == "away") return fail("connection refused", request.url, Retry::later);
    if (!body_.empty()) return api::HttpAnswer{status_, body_, date_};
    nlohmann::json data = nlohmann::json::array();
    nlohmann::json root = {{"collection", {{"error", nlohmann::json::object()}}}};
    long status = status_;
    if (status != 200) root["collection"]["error"]["message"] = "Investigator authorization verification failed";
    const auto target = request.url.find("&target=");
    const auto wanted = target == std::string::npos ? 1 : std::atoi(request.url.c_str() + target + 8);
    if (target != std::string::npos && wanted == 0 && !request.url.ends_with("=0")) {
      status = 500;
      root["collection"]["error"]["message"] = "Error while finding agents: 'pq: syntax error'";
    }
    if (wanted == 0 && status == 200) {
      status = 404;
      root["collection"]["error"]["message"] = "no results found";
    }
    for (int i = 0; i < wanted && status == 200; ++i)
      data.push_back({{"name", target == std::string::npos ? "action" : "agent"}, {"value", {{"id", i + 1}}}});
    root["collection"]["items"] = nlohmann::json::array({{{"data", data}}});
    return api::HttpAnswer{status, root.dump(), date_};
  }

  std::string date_;
  long status_;
  std::string body_;
};

OnlineCheck check(const std::string& date, const std::vector<JobTarget>& targets = {}, long status = 200,
                  const std::string& body = "") {
  const test::ManualClock clock(parse_rfc3339("2026-11-23T08:00:00Z").value());
  api::TokenSource tokens("key");
  std::atomic<int> signatures = 0;
  api::ApiClient client(kUrl, std::make_unique<FakeHttp>(date, status, body),
                        std::make_unique<test::CountingSigner>(signatures), tokens);
  return check_online(client, targets, clock);
}

std::string only_problem(const OnlineCheck& check, bool fatal) {
  EXPECT_EQ(check.problems.size(), 1U);
  if (check.problems.size() != 1) return "";
  EXPECT_EQ(check.problems[0].second.fatal, fatal);
  return check.problems[0].second.text();
}

TEST(CheckOnline, HasNothingToSayWhereAllIsRight) {
  const auto right = check("Mon, 23 Nov 2026 08:00:00 GMT", {{"patchlevel", "action.json", "12", 5min}});
  EXPECT_THAT(right.problems, IsEmpty());
  EXPECT_TRUE(right.reachable);
  EXPECT_TRUE(right.accepted);
  ASSERT_EQ(right.targets.size(), 1U);
  EXPECT_EQ(right.targets[0].agents, 12);
}

TEST(CheckOnline, SaysThatTheApiCannotBeReached) {
  const auto away = check("away");
  EXPECT_FALSE(away.reachable);
  EXPECT_THAT(only_problem(away, true), HasSubstr("the API cannot be reached: connection refused"));
}

TEST(CheckOnline, SaysHowFarTheClocksAreApart) {
  EXPECT_THAT(check("Mon, 23 Nov 2026 08:00:25 GMT").problems, IsEmpty());
  EXPECT_THAT(only_problem(check("Mon, 23 Nov 2026 08:00:40 GMT"), false), HasSubstr("behind the API's"));
  EXPECT_THAT(only_problem(check("Mon, 23 Nov 2026 07:50:00 GMT"), true), HasSubstr("9m 59s ahead of the API's"));
  EXPECT_THAT(only_problem(check("yesterday"), false), HasSubstr("no usable Date"));
}

TEST(CheckOnline, SaysThatTheKeyIsNotLetIn) {
  const auto refused = check("Mon, 23 Nov 2026 08:00:00 GMT", {{"patchlevel", "action.json", "12", 5min}}, 401);
  EXPECT_TRUE(refused.reachable);
  EXPECT_FALSE(refused.accepted);
  EXPECT_THAT(refused.targets, IsEmpty()) << "nothing more can be asked";
  EXPECT_THAT(only_problem(refused, true), HasSubstr("Investigator authorization verification failed"));
}

// Only a 401 speaks of the key.
TEST(CheckOnline, SaysWhoElseAnswers) {
  const std::string now = "Mon, 23 Nov 2026 08:00:00 GMT";
  const auto wrong = check(now, {}, 404, "404 page not found");
  EXPECT_THAT(only_problem(wrong, true),
              HasSubstr("there is no MIG API (is api.url right?), the answer is 404: 404 page"));
  EXPECT_FALSE(wrong.reachable);
  const auto page = check(now, {}, 200, "<html>Sign in, please");
  EXPECT_THAT(only_problem(page, true), HasSubstr("a proxy or another server answers in place of the API"));
  EXPECT_THAT(only_problem(page, true), HasSubstr("200: Sign in, please"));
  EXPECT_FALSE(page.reachable);
  for (const long status : {429, 500, 502}) {
    const auto trouble = check(now, {}, status);
    EXPECT_THAT(only_problem(trouble, true), HasSubstr("the API answers " + std::to_string(status) + ": "));
    EXPECT_THAT(only_problem(trouble, true), Not(HasSubstr("key")));
    EXPECT_TRUE(trouble.reachable);
    EXPECT_FALSE(trouble.accepted);
  }
}

TEST(CheckOnline, SaysWhatADifferenceOfTheClocksDoes) {
  EXPECT_THAT(only_problem(check("Mon, 23 Nov 2026 08:05:00 GMT"), true),
              HasSubstr("actions expire early, and the API refuses tokens where its tokenduration is shorter"));
  EXPECT_THAT(only_problem(check("Mon, 23 Nov 2026 07:45:00 GMT"), true),
              HasSubstr("the API refuses tokens (tokenduration is 10 minutes by default)"));
  const auto behind =
      check("Mon, 23 Nov 2026 08:06:00 GMT", {{"short", "short.json", "1", 5min}, {"long", "long.json", "1", 10min}});
  ASSERT_EQ(behind.problems.size(), 2U);
  EXPECT_EQ(behind.problems[1].first, "short");
  EXPECT_THAT(behind.problems[1].second.text(),
              HasSubstr("short.json: its actions have expired before an agent sees them: the expiry is 5m"));
  EXPECT_TRUE(behind.problems[1].second.fatal);
}

TEST(CheckOnline, SaysWhatTargetsComeTo) {
  const auto checked = check(
      "Mon, 23 Nov 2026 08:00:00 GMT",
      {{"none", "none.json", "0", 5min}, {"wrong", "wrong.json", "nonsense", 5min}, {"same", "s.json", "0", 5min}});
  ASSERT_EQ(checked.problems.size(), 3U);
  EXPECT_EQ(checked.problems[0].second.text(), "none.json: the target matches no active agent");
  EXPECT_FALSE(checked.problems[0].second.fatal);
  EXPECT_THAT(checked.problems[1].second.text(), HasSubstr("wrong.json: the API cannot use the target"));
  EXPECT_THAT(checked.problems[1].second.text(), HasSubstr("pq: syntax error"));
  EXPECT_EQ(checked.problems[2].first, "same");
  EXPECT_EQ(checked.targets[1].agents, std::nullopt);
}

}  // namespace
}  // namespace mig_runner::cli

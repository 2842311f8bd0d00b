#include "api/command_fetcher.h"

#include <gmock/gmock.h>

#include <deque>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "api/counting_signer.h"
#include "api/page_size.h"
#include "support/manual_clock.h"

namespace mig_runner::api {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Asked {
  std::int64_t offset = 0;
  std::int64_t limit = 0;
};

std::int64_t number_after(const std::string& url, const std::string& key) {
  return std::stoll(url.substr(url.find(key) + key.size()));
}

HttpAnswer error_document(long status, const std::string& message) {
  return {status, json{{"collection", {{"error", {{"code", "1"}, {"message", message}}}}}}.dump()};
}

HttpAnswer collection(long status, const json& /*nothing*/, const std::string& message) {
  return error_document(status, message);
}

const HttpAnswer kEndOfList = error_document(404, "no results found");

std::string command(int id, const std::string& results = "[]") {
  return R"({"id":)" + std::to_string(id) + R"(,"agent":{"id":1,"name":"agent)" + std::to_string(id) +
         R"("},"status":"success","results":)" + results + "}";
}

std::string document(const std::vector<std::string>& commands) {
  std::string text = R"({"collection":{"version":"1.0","items":[{"href":"x","data":[)";
  for (const auto& one : commands) text += R"({"name":"command","value":)" + one + "},";
  return text + R"({"name":"search parameters","value":{}}]}],"error":{}}})";
}

HttpAnswer page(const std::vector<int>& ids) {
  std::vector<std::string> commands;
  for (const int id : ids) commands.push_back(id > 0 ? command(id) : R"({"id":0})");
  return {200, document(commands)};
}

// Answers one request after the other, by a script or as a function says.
class ScriptedHttp final : public Http {
 public:
  using Answer = std::function<Result<HttpAnswer>(const Asked&)>;

  Result<HttpAnswer> next(const HttpRequest& request) {
    requests.push_back(request);
    if (answer) return answer({number_after(request.url, "&offset="), number_after(request.url, "&limit=")});
    if (script.empty()) return fail("no answer left");
    auto first = script.front();
    script.pop_front();
    return first;
  }
  void perform_all(const std::vector<HttpRequest>& all,
                   const std::function<void(std::size_t, Result<HttpAnswer>)>& done,
                   const std::function<void()>&) override {
    for (std::size_t i = 0; i < all.size(); ++i) done(i, next(all[i]));
  }

  Answer answer;
  std::deque<Result<HttpAnswer>> script;
  std::vector<HttpRequest> requests;
};

class CommandFetcherTest : public testing::Test {
 protected:
  void answers(std::vector<Result<HttpAnswer>> all) { script.script.assign(all.begin(), all.end()); }
  // The offsets that were asked for, as "0 2 4".
  std::string offsets_asked() const {
    std::string all;
    for (const auto& request : script.requests)
      all += (all.empty() ? "" : " ") + std::to_string(number_after(request.url, "&offset="));
    return all;
  }
  std::vector<std::int64_t> fetch(FetchOptions options, Retry* retry = nullptr) {
    std::vector<std::int64_t> ids;
    const auto fetched = fetcher.fetch(7, options, [&](const CommandSlice& command) -> Result<void> {
      EXPECT_EQ(json::parse(command.json).at("id"), command.id);
      ids.push_back(command.id);
      return {};
    });
    if (fetched) report = *fetched;
    error = fetched ? "" : fetched.error().text();
    if (retry != nullptr && !fetched) *retry = fetched.error().retry;
    return ids;
  }
  // The API lists `rows`; a page that holds one of `faults` is answered as its function says: it gets the page's
  // document up to where that row begins, and the row's number on the page.
  using Fault = std::function<Result<HttpAnswer>(const std::string& before, const Asked&)>;
  void list(std::vector<std::string> rows, std::map<std::int64_t, Fault> faults = {}) {
    script.answer = [rows = std::move(rows), faults = std::move(faults)](const Asked& asked) -> Result<HttpAnswer> {
      const auto count = static_cast<std::int64_t>(rows.size());
      if (asked.offset >= count) return kEndOfList;
      const auto end = std::min(asked.offset + asked.limit, count);
      for (const auto& [row, fault] : faults) {
        if (row < asked.offset || row >= end) continue;
        auto before = document({rows.begin() + asked.offset, rows.begin() + row});
        before.resize(before.rfind(R"({"name":"search)"));
        return fault(before, asked);
      }
      return HttpAnswer{200, document({rows.begin() + asked.offset, rows.begin() + end})};
    };
  }
  static std::vector<std::string> rows(int count) {
    std::vector<std::string> all;
    for (int id = 1; id <= count; ++id) all.push_back(command(id));
    return all;
  }

  test::ManualClock clock{parse_rfc3339("2026-11-23T08:00:00Z").value()};
  TokenSource tokens{clock};
  ScriptedHttp script;
  std::atomic<int> signatures_made = 0;
  test::CountingSigner signer{signatures_made};
  CommandFetcher fetcher{"http://api/", script, signer, tokens};
  FetchReport report;
  std::string error;
};

TEST_F(CommandFetcherTest, ReadsEachPageOnceUpToTheEnd) {
  answers({page({1, 2}), page({3, 4}), page({5})});
  EXPECT_EQ(fetch({2, 3, 5}).size(), 5U);
  EXPECT_EQ(offsets_asked(), "0 2 4");
  EXPECT_THAT(script.requests[2].url, HasSubstr("http://api/search?type=command&limit=2&offset=4&actionid=7"));
}

TEST_F(CommandFetcherTest, WithoutAnExpectedNumberThePagesEndWithTheList) {
  answers({page({1, 2}), page({3, 4}), collection(404, nullptr, "no results found")});
  EXPECT_EQ(fetch({2, 3, 0}).size(), 4U);
  EXPECT_EQ(offsets_asked(), "0 2 4");
  script.requests.clear();
  answers({page({1, 2}), page({3})});
  EXPECT_EQ(fetch({2, 3, 0}).size(), 3U);
  EXPECT_EQ(offsets_asked(), "0 2");
}

TEST_F(CommandFetcherTest, FullPagesOfTheExpectedNumberAreTheWholeList) {
  answers({page({1, 2}), page({3, 4})});
  EXPECT_EQ(fetch({2, 3, 4}).size(), 4U);
  EXPECT_EQ(offsets_asked(), "0 2");
}

TEST_F(CommandFetcherTest, OnePageMoreIsReadWhereMoreCommandsShowThanExpected) {
  answers({page({1, 2}), page({3, 4}), page({5, 6}), page({7, 8})});
  EXPECT_EQ(fetch({2, 3, 3}).size(), 6U);
  EXPECT_EQ(offsets_asked(), "0 2 4");
}

TEST_F(CommandFetcherTest, AShortPageInTheMiddleDoesNotEndTheList) {
  answers({page({1, 2}), page({3}), page({4, 5}), page({6, 7})});
  EXPECT_EQ(fetch({2, 2, 8}).size(), 7U);
  EXPECT_EQ(offsets_asked(), "0 2 4 6");
}

TEST_F(CommandFetcherTest, TheEndOfTheListIsBelievedBeforeTheExpectedNumber) {
  answers({page({1, 2}), collection(404, nullptr, "no results found")});
  EXPECT_EQ(fetch({2, 2, 100}).size(), 2U);
  EXPECT_EQ(offsets_asked(), "0 2");
}

TEST_F(CommandFetcherTest, PagesHaveTimeAndRoom) {
  EXPECT_EQ(fetch({10, 4, 1'000'000}).size(), 0U);
  EXPECT_EQ(script.requests.size(), 1U);
  EXPECT_EQ(script.requests[0].stall_timeout, 60s + 20ms * 10);
  EXPECT_GT(script.requests[0].max_answer_bytes, 0U);
}

TEST_F(CommandFetcherTest, NonsenseInTheOptionsIsSurvived) {
  answers({collection(404, nullptr, "no results found")});
  EXPECT_EQ(fetch({0, 0, std::numeric_limits<std::int64_t>::max()}).size(), 0U);
  answers({collection(404, nullptr, "no results found")});
  EXPECT_EQ(fetch({-5, -5, -1}).size(), 0U);
}

TEST_F(CommandFetcherTest, PagesThatMeetA401AreReadOnceMore) {
  answers({page({1, 2}), collection(401, nullptr, "old"), page({3, 4}), page({5, 6})});
  EXPECT_EQ(fetch({2, 3, 6}).size(), 6U);
  EXPECT_EQ(offsets_asked(), "0 2 2 4");
  EXPECT_EQ(signatures_made, 2);
  EXPECT_NE(script.requests[1].headers, script.requests[2].headers);
  answers({collection(401, nullptr, "no"), collection(401, nullptr, "no"), page({1})});
  Retry retry = Retry::no;
  EXPECT_EQ(fetch({2, 1, 1}, &retry).size(), 0U);
  EXPECT_EQ(retry, Retry::later);
}

TEST_F(CommandFetcherTest, AnErrorOfTheSinkEndsTheReading) {
  answers({page({1, 2}), page({3, 4}), page({5, 6})});
  int calls = 0;
  const auto fetched = fetcher.fetch(7, {2, 2, 6}, [&](const CommandSlice&) -> Result<void> {
    return ++calls == 2 ? Result<void>(fail("disk full", "/results")) : Result<void>();
  });
  EXPECT_EQ(fetched.error().text(), "/results: disk full");
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(script.requests.size(), 1U);
}

TEST_F(CommandFetcherTest, OneUnreadableAnswerIsNamedAndTheOthersArePassedOn) {
  auto all = rows(20);
  all[12] = command(13, std::string(1'100, '[') + std::string(1'100, ']'));
  list(all);
  EXPECT_EQ(fetch({1000, 4, 20}).size(), 19U);
  ASSERT_EQ(report.unreadable.size(), 1U);
  EXPECT_EQ(report.unreadable[0].id, 13);
  EXPECT_EQ(report.unreadable[0].agent, "agent13");
  EXPECT_THAT(report.unreadable[0].reason, HasSubstr("nested deeper than"));
  EXPECT_EQ(script.requests.size(), 1U);
}

// A row at which pages break off, whoever asks for it, is the only one that is lost.
TEST_F(CommandFetcherTest, ARowAtWhichEveryPageBreaksOffIsLeftOut) {
  const auto begun = std::string(R"({"name":"command","value":{"id":701,"agent":{"id":1,"name":"big.example"},"x":")");
  const std::vector<Fault> breaks{
      [&](const std::string& before, const Asked&) -> Result<HttpAnswer> {  // the connection
        return HttpAnswer{200, before + begun};
      },
      [&](const std::string& before, const Asked&) -> Result<HttpAnswer> {  // a bracket is missing
        return HttpAnswer{200, before + begun + R"("},{"name":"search parameters","value":{}}]}]}})"};
      }};
  for (const auto& fault : breaks) {
    script.requests.clear();
    list(rows(2'000), {{700, fault}});
    const auto ids = fetch({1000, 4, 2'000});
    EXPECT_EQ(error, "");
    EXPECT_EQ(std::set<std::int64_t>(ids.begin(), ids.end()).size(), 1'999U);
    ASSERT_EQ(report.unreadable.size(), 1U);
    EXPECT_EQ(report.unreadable[0].id, 701);
    EXPECT_EQ(report.unreadable[0].agent, "big.example");
    EXPECT_LT(script.requests.size(), 40U);
  }
}

// A row that the API cannot list at all: it says so, or closes the connection, or does not answer in time.
TEST_F(CommandFetcherTest, ARowThatTheApiCannotListIsLeftOut) {
  const std::vector<Result<HttpAnswer>> troubles{error_document(500, "json: exceeded max depth"),
                                                 HttpAnswer{504, "<html>Gateway Timeout</html>"},
                                                 fail("timed out", "http://api/search", Retry::outcome_unknown)};
  for (const auto& trouble : troubles) {
    script.requests.clear();
    list(rows(2'000), {{700, [&](const std::string&, const Asked&) { return trouble; }}});
    const auto ids = fetch({1000, 4, 2'000});
    EXPECT_EQ(error, "");
    EXPECT_EQ(std::set<std::int64_t>(ids.begin(), ids.end()).size(), 1'999U);
    ASSERT_EQ(report.unreadable.size(), 1U);
    EXPECT_NE(report.unreadable[0].reason, "");
    EXPECT_LT(script.requests.size(), 60U);
  }
}

TEST_F(CommandFetcherTest, ARowThatTheApiCannotListIsLeftOutOfAFewToo) {
  for (const int count : {2, 6, 7, 12, 30}) {
    for (const int row : {0, 1, count - 1}) {
      for (const int side_by_side : {1, 4}) {
        list(rows(count), {{row, [](const std::string&, const Asked&) { return error_document(500, "too deep"); }}});
        report = {};
        const auto ids = fetch({1000, side_by_side, count});
        EXPECT_EQ(error, "") << count << ' ' << row << ' ' << side_by_side;
        EXPECT_EQ(std::set<std::int64_t>(ids.begin(), ids.end()).size(), static_cast<std::size_t>(count - 1));
        EXPECT_EQ(report.unreadable.size(), 1U) << count << ' ' << row << ' ' << side_by_side;
      }
    }
  }
}

TEST_F(CommandFetcherTest, AnApiThatIsAwayIsAskedAFewTimes) {
  for (const int count : {1, 2, 12, 2'000}) {
    script.requests.clear();
    script.answer = [](const Asked&) { return error_document(500, "pq: the database system is starting up"); };
    EXPECT_TRUE(fetch({1000, 4, count}).empty());
    EXPECT_THAT(error, HasSubstr("starting up"));
    EXPECT_LT(script.requests.size(), 12U) << count;
  }
}

TEST_F(CommandFetcherTest, APageThatAsksForTimeEndsTheReading) {
  script.answer = [](const Asked&) { return HttpAnswer{503, "<html>", "", "120", ""}; };
  EXPECT_TRUE(fetch({1000, 1, 500}).empty());
  EXPECT_EQ(script.requests.size(), 1U);
}

// A page that breaks off once is a passing trouble.
TEST_F(CommandFetcherTest, APageThatBrokeOffIsReadOnFromThere) {
  int broken = 0;
  list(rows(300), {{120, [&, all = rows(300)](const std::string& before, const Asked& asked) -> Result<HttpAnswer> {
                      if (broken++ == 0) return HttpAnswer{200, before + R"({"name":"comm)"};
                      const auto end = std::min<std::int64_t>(asked.offset + asked.limit, 300);
                      return HttpAnswer{200, document({all.begin() + asked.offset, all.begin() + end})};
                    }}});
  const auto ids = fetch({1000, 4, 300});
  EXPECT_EQ(std::set<std::int64_t>(ids.begin(), ids.end()).size(), 300U);
  EXPECT_THAT(report.unreadable, IsEmpty());
}

TEST_F(CommandFetcherTest, AnApiThatIsNotThereIsAnErrorAfterFewRequests) {
  const std::vector<Result<HttpAnswer>> troubles{fail("connection refused", "http://api/search", Retry::later),
                                                 fail("connection reset", "http://api/search", Retry::outcome_unknown),
                                                 error_document(500, "pq: the database system is starting up"),
                                                 HttpAnswer{502, "<html>Bad Gateway</html>"},
                                                 HttpAnswer{200, "<html>Please log in</html>"},
                                                 HttpAnswer{200, ""},
                                                 HttpAnswer{200, R"({"collection":{"items":[)"},
                                                 HttpAnswer{403, "<html>Forbidden</html>"},
                                                 HttpAnswer{302, ""}};
  for (const auto& trouble : troubles) {
    for (const int page_size : {1, 1000}) {
      script.requests.clear();
      script.answer = [&](const Asked&) { return trouble; };
      Retry retry = Retry::no;
      EXPECT_THAT(fetch({page_size, 4, 2'000}, &retry), IsEmpty());
      EXPECT_EQ(retry, Retry::later);
      EXPECT_NE(error, "");
      EXPECT_LE(script.requests.size(), 12U) << error;
    }
  }
}

// Every page breaks off in its first row: the requests are bounded.
TEST_F(CommandFetcherTest, DetoursAreBounded) {
  script.answer = [](const Asked&) -> Result<HttpAnswer> {
    return HttpAnswer{200, R"({"collection":{"items":[{"data":[{"name":"command","value":{"id":1,)"};
  };
  for (const int commands : {1, 5, 10'000}) {
    Retry retry = Retry::no;
    fetch({1000, 4, commands}, &retry);
    EXPECT_EQ(retry, Retry::later) << commands;
    fetch({1, 4, commands}, &retry);
    EXPECT_EQ(retry, Retry::later) << commands;
    EXPECT_LT(script.requests.size(), 300U) << commands;
    script.requests.clear();
  }
}

TEST_F(CommandFetcherTest, BehindLargeRowsComeSmallerPages) {
  auto all = rows(900);
  for (int i = 0; i < 900; ++i)
    all[static_cast<std::size_t>(i)] = command(i + 1, '"' + std::string(300'000, 'x') + '"');
  list(all);
  EXPECT_EQ(fetch({200, 1, 900}).size(), 900U);
  EXPECT_THAT(report.unreadable, IsEmpty());
  EXPECT_EQ(number_after(script.requests[0].url, "&limit="), 200);
  for (std::size_t i = 1; i < script.requests.size(); ++i)
    EXPECT_LE(number_after(script.requests[i].url, "&limit="), 60) << i;
}

TEST_F(CommandFetcherTest, SmallRowsComeInFullPages) {
  list(rows(10'000));
  EXPECT_EQ(fetch({1000, 4, 10'000}).size(), 10'000U);
  std::int64_t largest = 0;
  for (const auto& request : script.requests) largest = std::max(largest, number_after(request.url, "&limit="));
  EXPECT_EQ(largest, 1000);
  EXPECT_EQ(script.requests.size(), 10U) << "each costs the API a search of the whole list";
}

TEST(PageSize, FollowsWhatCame) {
  PageSize size(1000);
  EXPECT_EQ(size.rows(), 1000);
  size.came(1000, 3'000'000, 5s);
  EXPECT_EQ(size.rows(), 1000);
  size.came(1000, 1'000 << 20U, 5s);  // 1 MiB a row
  EXPECT_EQ(size.rows(), 16);
  size.came(16, 16 * 3'000, 100ms);
  EXPECT_EQ(size.rows(), 64);
  size.came(64, 64 * 3'000, 64s);  // 1 s a row
  EXPECT_EQ(size.rows(), 20);
  size.shrink_to(0);
  EXPECT_EQ(size.rows(), 1);
  size.came(1, 50 << 20U, 10s);
  EXPECT_EQ(size.rows(), 1);
  size.came(0, 0, 0s);
  EXPECT_EQ(size.rows(), 1);
  EXPECT_EQ(PageSize(7).rows(), 7);
}

}  // namespace
}  // namespace mig_runner::api

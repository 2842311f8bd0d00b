#include <gmock/gmock.h>

#include <algorithm>
#include <condition_variable>
#include <map>

#include "api/raw_server.h"
#include "api/requests.h"
#include "api/tls_server.h"

namespace mig_runner::api {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using test::RawServer;
using testing::HasSubstr;
using testing::Not;

TEST(CurlHttp, GetsAndPosts) {
  const RawServer server([](int fd, const std::string& request) {
    RawServer::answer(fd, 200, request.substr(0, 4), "Date: Mon, 23 Nov 2026 08:00:00 GMT\r\n");
  });
  const auto http = make();
  const auto got = http->perform(get(server.url())).value();
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "GET ");
  EXPECT_EQ(got.date, "Mon, 23 Nov 2026 08:00:00 GMT");
  EXPECT_EQ(http->perform(post(server.url())).value().body, "POST");
  const auto request = server.requests()[1];
  EXPECT_THAT(request, HasSubstr("User-Agent: MIG Client mig-runner\r\n"));
  EXPECT_THAT(request, HasSubstr("application/x-www-form-urlencoded"));
  EXPECT_THAT(request, testing::EndsWith("\r\n\r\naction=x"));
  EXPECT_THAT(request, Not(HasSubstr("Expect")));
  EXPECT_THAT(request, Not(HasSubstr("Accept-Encoding")));
}

// curl would wait a second for "100 Continue" before it sends a large body.
TEST(CurlHttp, LargePostsAreSentAtOnce) {
  const RawServer server([](int fd, const std::string&) { RawServer::answer(fd, 202, "ok"); });
  auto request = post(server.url());
  request.form_body = std::string(3'000'000, 'x');
  EXPECT_EQ(make()->perform(request).value().status, 202);
  EXPECT_THAT(server.requests().at(0).substr(0, 500), Not(HasSubstr("Expect")));
  EXPECT_THAT(server.requests().at(0), testing::EndsWith("\r\n\r\n" + request.form_body));
}

TEST(CurlHttp, GetsReuseAConnectionAndPostsNever) {
  const RawServer server([](int fd, const std::string&) { RawServer::answer(fd, 200, "ok"); });
  const auto http = make();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(http->perform(get(server.url())));
  EXPECT_EQ(server.connections(), 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(http->perform(post(server.url())));
  EXPECT_EQ(server.connections(), 4);
}

TEST(CurlHttp, ChunkedAnswersAreWhole) {
  const RawServer server([](int fd, const std::string&) {
    RawServer::send_text(fd, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    RawServer::send_text(fd, "6\r\n world\r\n0\r\n\r\n");
  });
  EXPECT_EQ(make()->perform(get(server.url())).value().body, "hello world");
}

TEST(CurlHttp, ADateIsShortened) {
  const RawServer server(
      [](int fd, const std::string&) { RawServer::answer(fd, 200, "", "dATE:" + std::string(5000, 'x') + "\r\n"); });
  EXPECT_EQ(make()->perform(get(server.url())).value().date, std::string(64, 'x'));
}

TEST(CurlHttp, WhatNeverReachedTheServerCanBeTriedAgain) {
  std::string gone;
  {
    const RawServer server([](int, const std::string&) {});
    gone = server.url();
  }
  for (const auto& url : {gone, std::string("http://no-such-host.invalid/")}) {
    const auto answer = make()->perform(post(url));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().retry, Retry::later) << answer.error().text();
    EXPECT_EQ(answer.error().where, url);
  }
}

TEST(CurlHttp, NoProxyStandsBeforeThisMachine) {
  const RawServer server([](int fd, const std::string&) { RawServer::answer(fd, 200, "the server"); });
  const RawServer proxy([](int fd, const std::string&) { RawServer::answer(fd, 200, "the proxy"); });
  const test::EnvironmentVariable variable("http_proxy", proxy.url());
  const auto url = server.url();
  const auto port = url.substr(url.rfind(':'));
  for (const std::string host : {"127.0.0.1", "localhost", "LOCALHOST", "127.1.2.3", "user@127.0.0.1", "127.1"}) {
    const auto answer = make()->perform(get("http://" + host + port));
    EXPECT_TRUE(!answer || answer->body == "the server") << host;
  }
  EXPECT_EQ(proxy.connections(), 0);
  for (const std::string host : {"api.example.net", "localhost.example.net", "10.0.0.1", "[2001:db8::1]"})
    EXPECT_EQ(make()->perform(get("http://" + host + port)).value().body, "the proxy") << host;
  EXPECT_FALSE(make()->perform(get("http://[::1]:1/"))) << "nothing is there, and no proxy is asked";
}

TEST(CurlHttp, OnlyHttpIsSpoken) {
  for (const std::string url : {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "no url at all", ""})
    EXPECT_FALSE(make()->perform(get(url))) << url;
}

// Connections are neither accepted nor refused.
class FullListener {
 public:
  FullListener() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    bind(listener_.get(), reinterpret_cast<sockaddr*>(&address_), sizeof address_);
    socklen_t size = sizeof address_;
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address_), &size);
    listen(listener_.get(), 0);
    for (int i = 0; i < 4; ++i) {
      fillers_.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      connect(fillers_.back().get(), reinterpret_cast<sockaddr*>(&address_), sizeof address_);
    }
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(ntohs(address_.sin_port)) + "/"; }

 private:
  sockaddr_in address_{AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {}};
  UniqueFd listener_;
  std::vector<UniqueFd> fillers_;
};

TEST(CurlHttp, ATimeoutBeforeTheConnectionCanBeTriedAgain) {
  const FullListener full;
  HttpOptions options;
  options.connect_timeout = 200ms;
  EXPECT_EQ(make_curl_http(options, {})->perform(post(full.url())).error().retry, Retry::later);
}

TEST(CurlHttp, AnAnswerThatHangsEndsAtTheTimeout) {
  const RawServer server([](int fd, const std::string&) { RawServer::wait_for_close(fd); });
  auto slow = post(server.url());
  slow.timeout = 200ms;
  EXPECT_EQ(make()->perform(slow).error().retry, Retry::outcome_unknown);
}

TEST(CurlHttp, AnAnswerThatStallsEndsBeforeTheTimeout) {
  const RawServer server([](int fd, const std::string&) {
    RawServer::send_text(fd, "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n");
    RawServer::wait_for_close(fd);
  });
  auto slow = get(server.url());
  slow.timeout = 6s;
  HttpOptions options;
  options.stall_timeout = 1s;
  const auto begin = steady_clock::now();
  EXPECT_FALSE(make_curl_http(options, {})->perform(slow));
  EXPECT_LT(steady_clock::now() - begin, 5900ms);
}

// Asks for a stop as soon as `ready` says so; returns how long `work` took from then on.
steady_clock::duration time_to_stop(const std::function<bool()>& ready, const std::function<void(Http&)>& work) {
  std::stop_source stop;
  const auto http = make(stop.get_token());
  steady_clock::time_point asked;
  {
    std::jthread stopper([&] {
      while (!ready()) std::this_thread::yield();
      asked = steady_clock::now();
      stop.request_stop();
    });
    work(*http);
  }
  return steady_clock::now() - asked;
}

TEST(CurlHttp, AStopRequestEndsWhatIsUnderWay) {
  const RawServer server([](int fd, const std::string&) { RawServer::wait_for_close(fd); });
  const auto took = time_to_stop([&] { return !server.requests().empty(); },
                                 [&](Http& http) {
                                   const auto answer = http.perform(post(server.url()));
                                   ASSERT_FALSE(answer);
                                   EXPECT_EQ(answer.error().retry, Retry::outcome_unknown);
                                   EXPECT_THAT(answer.error().what, HasSubstr("the runner stops"));
                                 });
  EXPECT_LT(took, 1s);  // 0.1 s and what a busy machine adds
}

TEST(CurlHttp, AStopRequestEndsAConnectionUnderWay) {
  const FullListener full;
  const auto took = time_to_stop(
      [] { return true; }, [&](Http& http) { EXPECT_EQ(http.perform(post(full.url())).error().retry, Retry::later); });
  EXPECT_LT(took, 1s);
}

TEST(CurlHttp, AfterAStopRequestNothingIsSent) {
  const RawServer server([](int fd, const std::string&) { RawServer::answer(fd, 200, "ok"); });
  std::stop_source stop;
  const auto http = make(stop.get_token());
  stop.request_stop();
  EXPECT_EQ(http->perform(post(server.url())).error().retry, Retry::later);
  EXPECT_TRUE(server.requests().empty());
}

TEST(CurlHttp, AStopRequestEndsPagesThatDripIn) {
  const RawServer server([](int fd, const std::string&) {
    RawServer::send_text(fd, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    RawServer::wait_for_close(fd);
  });
  const std::vector<HttpRequest> requests(3, get(server.url()));
  std::vector<std::size_t> ended;
  time_to_stop([&] { return server.requests().size() == 3; },
               [&](Http& http) {
                 http.perform_all(requests, [&](std::size_t i, const Result<HttpAnswer>& answer) {
                   EXPECT_FALSE(answer);
                   ended.push_back(i);
                 });
               });
  EXPECT_THAT(ended, testing::UnorderedElementsAre(0, 1, 2));
}

TEST(CurlHttp, LongAnswersAreErrors) {
  const RawServer server([](int fd, const std::string& request) {
    if (request.find("/whole") != std::string::npos) return RawServer::answer(fd, 200, std::string(5000, 'x'));
    RawServer::send_text(fd, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 5; ++i) RawServer::send_text(fd, "3e8\r\n" + std::string(1000, 'x') + "\r\n");
    RawServer::send_text(fd, "0\r\n\r\n");
  });
  for (const std::string how : {"whole", "chunked"}) {
    auto request = get(server.url(how));
    request.max_answer_bytes = 5000;
    EXPECT_EQ(make()->perform(request).value().body.size(), 5000U);
    request.max_answer_bytes = 4999;
    EXPECT_THAT(make()->perform(request).error().what, HasSubstr("longer than 4999 bytes"));
    request.form_body = "action=x";
    EXPECT_EQ(make()->perform(request).error().retry, Retry::outcome_unknown);
  }
}

TEST(CurlHttp, CutAnswersAreErrors) {
  const RawServer server([](int fd, const std::string& request) {
    RawServer::send_text(fd, request.find("/chunked") != std::string::npos
                                 ? "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
                                 : "HTTP/1.1 200 X\r\nContent-Length: 6\r\n\r\nhello");
    RawServer::end(fd);
  });
  EXPECT_FALSE(make()->perform(get(server.url("chunked"))));
  EXPECT_FALSE(make()->perform(get(server.url("whole"))));
}

TEST(CurlHttp, HeadersWithoutEndAreAnError) {
  const RawServer server([](int fd, const std::string&) {
    RawServer::send_text(fd, "HTTP/1.1 200 X\r\n");
    const auto lines = "X-More: " + std::string(90'000, 'x') + "\r\n";
    for (int i = 0; i < 200; ++i) RawServer::send_text(fd, lines);
    RawServer::end(fd);
  });
  EXPECT_FALSE(make()->perform(get(server.url())));
}

TEST(CurlHttp, ARedirectIsAnAnswerAndNotFollowed) {
  const std::string elsewhere = "https://elsewhere.example.net/api/";
  const RawServer server(
      [&](int fd, const std::string&) { RawServer::answer(fd, 301, "", "Location: " + elsewhere + "\r\n"); });
  for (const auto& request : {get(server.url()), post(server.url())}) {
    const auto answer = make()->perform(request);
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(answer->status, 301);
    EXPECT_EQ(answer->location, elsewhere);
  }
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST(CurlHttp, KeepsTheHeadersThatCount) {
  const RawServer server([](int fd, const std::string&) {
    RawServer::answer(fd, 503, "x", "retry-AFTER:  120\r\nDate: Mon, 23 Nov 2026 08:00:00 GMT\r\n");
  });
  const auto answer = make()->perform(get(server.url()));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->retry_after, "120");
  EXPECT_EQ(answer->date, "Mon, 23 Nov 2026 08:00:00 GMT");
}

TEST(CurlHttp, PagesComeSideBySide) {
  std::mutex mutex;
  std::condition_variable changed;
  int together = 0;
  const RawServer server([&](int fd, const std::string& request) {
    {
      std::unique_lock lock(mutex);
      ++together;
      changed.notify_all();
      changed.wait_for(lock, 10s, [&] { return together == 4; });
    }
    RawServer::answer(fd, 200, request.substr(request.find("n=") + 2, 1));
  });
  std::vector<HttpRequest> requests;
  for (int i = 0; i < 4; ++i) requests.push_back(get(server.url("?n=" + std::to_string(i))));
  std::vector<std::string> bodies(4);
  make()->perform_all(requests, [&](std::size_t i, Result<HttpAnswer> answer) { bodies[i] = answer.value().body; });
  EXPECT_THAT(bodies, testing::ElementsAre("0", "1", "2", "3"));
  EXPECT_EQ(together, 4);
}

TEST(CurlHttp, OneBadPageLeavesTheOthersAlone) {
  const RawServer server([&](int fd, const std::string& request) {
    if (request.find("n=1") != std::string::npos) return RawServer::reset(fd);
    RawServer::answer(fd, 200, "ok");
  });
  std::vector<HttpRequest> requests;
  for (int i = 0; i < 4; ++i) requests.push_back(get(server.url("?n=" + std::to_string(i))));
  requests[2].headers = {"X-Bad: \r\nX-Smuggled: 1"};
  std::vector<int> ended(4);
  make()->perform_all(requests, [&](std::size_t i, const Result<HttpAnswer>& answer) {
    EXPECT_EQ(answer.has_value(), i == 0 || i == 3);
    ++ended[i];
  });
  EXPECT_THAT(ended, testing::Each(1));
  make()->perform_all({}, [](std::size_t, const Result<HttpAnswer>&) { FAIL(); });
}

// Keeps what it gets.
class KeepingSink final : public BodySink {
 public:
  Result<void> take(std::string_view bytes) override {
    if (on_take) on_take();
    if (refuses) return fail("disk full", "/results", Retry::no);
    text += bytes;
    return {};
  }
  std::size_t held() const override { return text.size() - let_go; }

  std::string text;
  std::size_t let_go = 0;
  bool refuses = false;
  std::function<void()> on_take;
};

TEST(CurlHttp, ASinkGetsTheBodyOfASuccessOnly) {
  const RawServer server([](int fd, const std::string& request) {
    const bool good = request.find("/good") != std::string::npos;
    RawServer::answer(fd, good ? 200 : 500, std::string(100'000, good ? 'g' : 'b'));
  });
  KeepingSink sink;
  auto request = get(server.url("good"));
  request.max_answer_bytes = 1;  // of no account there
  request.body_sink = &sink;
  EXPECT_EQ(make()->perform(request).value().body, "");
  EXPECT_EQ(sink.text, std::string(100'000, 'g'));
  request.url = server.url("bad");
  EXPECT_THAT(make()->perform(request).error().what, HasSubstr("longer than"));
  request.max_answer_bytes = 200'000;
  EXPECT_EQ(make()->perform(request).value().body, std::string(100'000, 'b'));
  EXPECT_EQ(sink.text.size(), 100'000U);
}

TEST(CurlHttp, AnErrorOfTheSinkIsTheOutcome) {
  const RawServer server([](int fd, const std::string&) { RawServer::answer(fd, 200, "x"); });
  KeepingSink sink;
  sink.refuses = true;
  auto request = get(server.url());
  request.body_sink = &sink;
  const auto answer = make()->perform(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().text(), "/results: disk full");
  EXPECT_EQ(answer.error().retry, Retry::no);
}

// Of several bodies that a sink keeps, one at a time gets beyond its first part; who lets go lets another go on.
TEST(CurlHttp, OneSinkAtATimeHoldsMuch) {
  constexpr std::size_t kBody = 24 << 20U;  // more than curl reads of one before it looks at the next
  const RawServer server([](int fd, const std::string&) { RawServer::answer(fd, 200, std::string(kBody, 'x')); });
  std::vector<KeepingSink> sinks(4);
  std::vector<HttpRequest> requests(4, get(server.url()));
  std::ptrdiff_t most = 0;
  for (std::size_t i = 0; i < sinks.size(); ++i) {
    requests[i].body_sink = &sinks[i];
    sinks[i].on_take = [&, i] {
      if (sinks[i].held() > 20 << 20U) sinks[i].let_go = sinks[i].text.size();
      most = std::max(most, std::count_if(sinks.begin(), sinks.end(),
                                          [](const auto& sink) { return sink.held() > (1 << 20U) + (64 << 10U); }));
    };
  }
  make()->perform_all(requests, [&](std::size_t i, const Result<HttpAnswer>& answer) {
    EXPECT_TRUE(answer);
    sinks[i].let_go = sinks[i].text.size();
  });
  for (const auto& sink : sinks) EXPECT_EQ(sink.text.size(), kBody);
  EXPECT_EQ(most, 1);
}

TEST(CurlHttp, RequestsAreMadeUpWhileOthersEnd) {
  std::mutex mutex;
  int together = 0;
  int most = 0;
  const RawServer server([&](int fd, const std::string& request) {
    {
      const std::lock_guard lock(mutex);
      most = std::max(most, ++together);
    }
    std::this_thread::yield();
    {
      const std::lock_guard lock(mutex);
      --together;
    }
    RawServer::answer(fd, 200, std::to_string(std::stoi(request.substr(request.find("n=") + 2, 2))));
  });
  int next = 10;
  std::map<std::size_t, std::string> bodies;
  make()->perform_each(
      3,
      [&]() -> std::optional<HttpRequest> {
        if (next == 30) return std::nullopt;
        return get(server.url("?n=" + std::to_string(next++)));
      },
      [&](std::size_t i, Result<HttpAnswer> answer) { bodies[i] = answer.value().body; });
  ASSERT_EQ(bodies.size(), 20U);
  for (const auto& [index, body] : bodies) EXPECT_EQ(body, std::to_string(index + 10));
  EXPECT_LE(most, 3);
  EXPECT_LE(server.connections(), 4);
}

// The next request may depend on the last answer.
TEST(CurlHttp, AnAnswerMayLeadToAnotherRequest) {
  const RawServer server([&](int fd, const std::string&) { RawServer::answer(fd, 200, "x"); });
  int to_ask = 1;
  int answered = 0;
  make()->perform_each(
      4,
      [&]() -> std::optional<HttpRequest> {
        if (to_ask == 0) return std::nullopt;
        --to_ask;
        return get(server.url());
      },
      [&](std::size_t, const Result<HttpAnswer>&) { to_ask = ++answered < 5 ? 1 : 0; });
  EXPECT_EQ(answered, 5);
}

TEST(CurlHttp, HeadersCannotBeSmuggled) {
  const RawServer server([](int fd, const std::string&) { RawServer::answer(fd, 200, ""); });
  auto request = get(server.url());
  for (const std::string& bad :
       {std::string("X-Key: hush\r\nX-Smuggled: 1"), std::string("X-Key: hush\n"), std::string("X-Key: hush\0x", 13)}) {
    request.headers = {"X-Good: 1", bad};
    const auto answer = make()->perform(request);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().retry, Retry::no);
    EXPECT_THAT(answer.error().text(), Not(HasSubstr("hush")));
  }
  EXPECT_TRUE(server.requests().empty());
}

}  // namespace
}  // namespace mig_runner::api

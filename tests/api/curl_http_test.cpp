#include <gmock/gmock.h>

#include "api/http.h"
#include "api/raw_server.h"

namespace mig_runner::api {
namespace {

using namespace std::chrono_literals;
using test::RawServer;
using testing::HasSubstr;

HttpRequest get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  request.max_answer_bytes = 1'000'000;
  request.timeout = 5s;
  return request;
}

HttpRequest post(const std::string& url) {
  auto request = get(url);
  request.form_body = "action=x";
  return request;
}

std::unique_ptr<Http> make(std::stop_token stop = {}) {
  return make_curl_http({}, std::move(stop));
}

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
  EXPECT_THAT(server.requests()[1], HasSubstr("User-Agent: MIG Client mig-runner"));
  EXPECT_THAT(server.requests()[1], HasSubstr("application/x-www-form-urlencoded"));
  EXPECT_THAT(server.requests()[1], testing::EndsWith("\r\n\r\naction=x"));
}

TEST(CurlHttp, GetsReuseAConnectionAndPostsNever) {
  const RawServer server([](int fd, const std::string&) { RawServer::answer(fd, 200, "ok"); });
  const auto http = make();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(http->perform(get(server.url())));
  EXPECT_EQ(server.connections(), 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(http->perform(post(server.url())));
  EXPECT_EQ(server.connections(), 4);
}

// curl repeats a POST by itself where a reused connection has died. However a connection ends, one POST is one request.
TEST(CurlHttp, APostIsNeverSentTwice) {
  for (const std::string& how : {std::string("before"), std::string("inside"), std::string("after")}) {
    const RawServer server([&how](int fd, const std::string& request) {
      if (request.starts_with("GET ")) return RawServer::answer(fd, 200, "ok");
      if (how == "inside") RawServer::send_text(fd, "HTTP/1.1 202 X\r\nContent-Length: 100\r\n\r\npart");
      if (how == "after") RawServer::answer(fd, 202, "whole");
      RawServer::reset(fd);
      shutdown(fd, SHUT_RDWR);
    });
    const auto http = make();
    ASSERT_TRUE(http->perform(get(server.url())));  // a connection that could be reused
    const auto answer = http->perform(post(server.url()));
    if (!answer) {
      EXPECT_EQ(answer.error().retry, Retry::outcome_unknown) << how;
    }
    int posts = 0;
    for (const auto& request : server.requests()) posts += request.starts_with("POST ") ? 1 : 0;
    EXPECT_EQ(posts, 1) << how;
  }
}

TEST(CurlHttp, WhatNeverReachedTheServerCanBeTriedAgain) {
  int port = 0;
  {
    const RawServer gone([](int, const std::string&) {});
    port = std::stoi(gone.url().substr(17));
  }
  const auto refused = make()->perform(post("http://127.0.0.1:" + std::to_string(port) + "/"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry, Retry::later);
  EXPECT_EQ(make()->perform(post("http://no-such-host.invalid/")).error().retry, Retry::later);
  EXPECT_FALSE(make()->perform(get("file:///etc/passwd")));
}

TEST(CurlHttp, AnswersThatHangEndAtTheTimeoutOrAStopRequest) {
  const RawServer server([](int fd, const std::string&) { RawServer::wait_for_close(fd); });
  auto slow = post(server.url());
  slow.timeout = 200ms;
  EXPECT_EQ(make()->perform(slow).error().retry, Retry::outcome_unknown);

  std::stop_source stop;
  const auto http = make(stop.get_token());
  std::jthread stopper([&] {
    while (server.requests().size() < 2) std::this_thread::yield();
    stop.request_stop();
  });
  slow.timeout = 60s;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(http->perform(slow).error().retry, Retry::outcome_unknown);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST(CurlHttp, LongAndCutAnswersAreErrors) {
  const RawServer server([](int fd, const std::string& request) {
    if (request.find("/long") != std::string::npos) return RawServer::answer(fd, 200, std::string(5000, 'x'));
    RawServer::send_text(fd, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    shutdown(fd, SHUT_RDWR);
  });
  auto request = get(server.url("long"));
  request.max_answer_bytes = 4999;
  EXPECT_THAT(make()->perform(request).error().text(), HasSubstr("longer than 4999 bytes"));
  EXPECT_FALSE(make()->perform(get(server.url("cut"))));
}

TEST(CurlHttp, ARedirectIsNotFollowedButExplained) {
  const RawServer server([](int fd, const std::string&) {
    RawServer::answer(fd, 301, "", "Location: https://elsewhere.example.net/api/\r\n");
  });
  const auto answer = make()->perform(post(server.url()));
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().text(), HasSubstr("https://elsewhere.example.net/api/: set api.url"));
  EXPECT_EQ(answer.error().retry, Retry::no);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(CurlHttp, PagesComeSideBySide) {
  std::atomic<int> together = 0;
  std::atomic<int> most = 0;
  const RawServer server([&](int fd, const std::string& request) {
    const int now = ++together;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) continue;
    for (int i = 0; i < 500 && most < 4; ++i) std::this_thread::sleep_for(1ms);
    --together;
    RawServer::answer(fd, 200, request.substr(request.find("n=") + 2, 1));
  });
  std::vector<HttpRequest> requests;
  for (int i = 0; i < 4; ++i) requests.push_back(get(server.url("?n=" + std::to_string(i))));
  std::vector<std::string> bodies(4);
  make()->perform_all(requests, [&](std::size_t i, Result<HttpAnswer> answer) { bodies[i] = answer.value().body; });
  EXPECT_THAT(bodies, testing::ElementsAre("0", "1", "2", "3"));
  EXPECT_EQ(most, 4);
}

TEST(CurlHttp, HeadersCannotBeSmuggled) {
  const RawServer server([](int fd, const std::string&) { RawServer::answer(fd, 200, ""); });
  auto request = get(server.url());
  request.headers = {"X-Good: 1", "X-Bad: 1\r\nX-Smuggled: 1"};
  ASSERT_TRUE(make()->perform(request));
  EXPECT_THAT(server.requests()[0], HasSubstr("X-Good: 1"));
  EXPECT_THAT(server.requests()[0], testing::Not(HasSubstr("X-Smuggled")));
}

}  // namespace
}  // namespace mig_runner::api

// A launched action runs on every machine of a company: whatever becomes of a connection, one POST is one request.

#include <gmock/gmock.h>

#include "api/raw_server.h"
#include "api/requests.h"
#include "api/tls_server.h"

namespace mig_runner::api {
namespace {

using namespace std::chrono_literals;
using test::RawServer;

int posts(const RawServer& server) {
  int count = 0;
  for (const auto& request : server.requests()) count += request.starts_with("POST ") ? 1 : 0;
  return count;
}

struct Ending {
  std::string name;
  std::function<void(int fd)> answer_post;
  bool answered = false;  // with a status, so that its meaning is up to the client
};

void PrintTo(const Ending& ending, std::ostream* out) {
  *out << ending.name;
}

class PostOnce : public testing::TestWithParam<Ending> {};

TEST_P(PostOnce, OnePostIsOneRequest) {
  const auto& ending = GetParam();
  const RawServer server([&](int fd, const std::string& request) {
    if (request.starts_with("GET ")) return RawServer::answer(fd, 200, "ok");
    ending.answer_post(fd);
  });
  const auto http = make();
  ASSERT_TRUE(http->perform(get(server.url())));  // leaves a connection that could be reused
  const auto answer = http->perform(post(server.url()));
  EXPECT_EQ(answer.has_value(), ending.answered);
  if (!answer) {
    EXPECT_EQ(answer.error().retry, Retry::outcome_unknown) << answer.error().text();
  }
  ASSERT_TRUE(http->perform(get(server.url())));  // by now a second POST would have come
  EXPECT_EQ(posts(server), 1);
}

INSTANTIATE_TEST_SUITE_P(
    Endings, PostOnce,
    testing::Values(Ending{"reset before the answer", [](int fd) { RawServer::reset(fd); }},
                    Ending{"end before the answer", [](int fd) { RawServer::end(fd); }},
                    Ending{"end within the status line",
                           [](int fd) {
                             RawServer::send_text(fd, "HTTP/1.");
                             RawServer::end(fd);
                           }},
                    Ending{"end within the headers, which curl takes for an answer without a body",
                           [](int fd) {
                             RawServer::send_text(fd, "HTTP/1.1 202 Accepted\r\nContent-Le");
                             RawServer::end(fd);
                           },
                           true},
                    Ending{"reset within the body",
                           [](int fd) {
                             RawServer::send_text(fd, "HTTP/1.1 202 X\r\nContent-Length: 100\r\n\r\npart");
                             RawServer::reset(fd);
                           }},
                    Ending{"end within a chunk",
                           [](int fd) {
                             RawServer::send_text(fd, "HTTP/1.1 202 X\r\nTransfer-Encoding: chunked\r\n\r\n64\r\npart");
                             RawServer::end(fd);
                           }},
                    Ending{"end after the answer",
                           [](int fd) {
                             RawServer::answer(fd, 202, "whole");
                             RawServer::end(fd);
                           },
                           true},
                    Ending{"417, to which curl would send again what had Expect",
                           [](int fd) { RawServer::answer(fd, 417, ""); }, true},
                    Ending{"401 that asks for a password",
                           [](int fd) { RawServer::answer(fd, 401, "", "WWW-Authenticate: Basic realm=\"x\"\r\n"); },
                           true},
                    Ending{"no HTTP", [](int fd) {
                             RawServer::send_text(fd, "SSH-2.0-x\r\n");
                             RawServer::end(fd);
                           }}));

// What brings curl to send a request again by itself: the connection that it reuses has just died.
TEST(PostOnce, ADeadConnectionIsNotReused) {
  const RawServer server([&](int fd, const std::string& request) {
    RawServer::answer(fd, 200, "ok");
    if (request.find("/last") != std::string::npos) RawServer::reset(fd);
  });
  const auto http = make();
  for (int i = 0; i < 20; ++i) {
    (void)http->perform(get(server.url("last")));
    EXPECT_TRUE(http->perform(post(server.url())));
  }
  EXPECT_EQ(posts(server), 20);
}

TEST(PostOnce, ResetOnArrivalIsNotTriedAgain) {
  const RawServer server([](int fd, const std::string&) { RawServer::answer(fd, 200, "ok"); },
                         [](int fd, int) { RawServer::reset(fd); });
  EXPECT_FALSE(make()->perform(post(server.url())));
  EXPECT_EQ(server.connections(), 1);
}

TEST(PostOnce, ALargePostThatIsCutOffIsNotTriedAgain) {
  const RawServer server([](int fd, const std::string&) { RawServer::answer(fd, 200, "ok"); },
                         [](int fd, int) {
                           char some[1000];
                           (void)recv(fd, some, sizeof some, 0);
                           RawServer::reset(fd);
                         });
  auto request = post(server.url());
  request.form_body = std::string(20'000'000, 'x');
  const auto answer = make()->perform(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().retry, Retry::outcome_unknown);
  EXPECT_EQ(server.connections(), 1);
}

TEST(PostOnce, NotThroughAProxyEither) {
  const RawServer proxy([](int fd, const std::string& request) {
    if (request.starts_with("GET http://")) return RawServer::answer(fd, 200, "ok");
    RawServer::reset(fd);
  });
  const test::EnvironmentVariable variable("http_proxy", proxy.url());
  const auto http = make();
  ASSERT_TRUE(http->perform(get("http://api.example.net/")));
  EXPECT_EQ(http->perform(post("http://api.example.net/")).error().retry, Retry::outcome_unknown);
  ASSERT_TRUE(http->perform(get("http://api.example.net/")));
  EXPECT_EQ(posts(proxy), 1);
}

}  // namespace
}  // namespace mig_runner::api

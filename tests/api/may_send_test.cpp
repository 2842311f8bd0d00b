// A launch that others may have made meanwhile does not leave: it is asked for at the last moment.

#include <gmock/gmock.h>

#include <future>

#include "api/raw_server.h"
#include "api/requests.h"
#include "api/tls_server.h"

namespace mig_runner::api {
namespace {

using test::RawServer;
using testing::HasSubstr;

HttpRequest asking(HttpRequest request, std::function<bool()> may_send) {
  request.may_send = std::move(may_send);
  return request;
}

TEST(MaySend, IsAskedOnceWhenTheConnectionStands) {
  const RawServer server([](int fd, const std::string&) { RawServer::answer(fd, 200, "ok"); });
  int asked = 0;
  const auto answer = make()->perform(asking(post(server.url()), [&] {
    ++asked;
    EXPECT_TRUE(server.requests().empty()) << "nothing of it has left";
    return true;
  }));
  ASSERT_TRUE(answer.has_value()) << answer.error().text();
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(MaySend, OtherwiseNotAByteLeaves) {
  std::promise<ssize_t> received;
  const RawServer server({}, [&](int fd, int) {
    char byte = 0;
    received.set_value(recv(fd, &byte, 1, 0));
  });
  const auto answer = make()->perform(asking(post(server.url()), [] { return false; }));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().retry, Retry::later) << "it is known that the API did not get it";
  EXPECT_EQ(received.get_future().get(), 0) << "a connection, and its end";
}

TEST(MaySend, HoldsForEachOfManyByItself) {
  const RawServer server([](int fd, const std::string&) { RawServer::answer(fd, 200, "ok"); });
  std::vector<HttpRequest> requests;
  for (int i = 0; i < 6; ++i)
    requests.push_back(asking(post(server.url(std::to_string(i))), [i] { return i % 2 == 0; }));
  std::vector<int> sent(6, -1);
  make()->perform_all(requests, [&](std::size_t i, const Result<HttpAnswer>& answer) { sent[i] = answer ? 1 : 0; });
  EXPECT_THAT(sent, testing::ElementsAre(1, 0, 1, 0, 1, 0));
  EXPECT_EQ(server.requests().size(), 3U);
}

// The handshake may take long: the question comes after it.
TEST(MaySend, IsAskedBehindTheHandshake) {
  const test::TlsServer server;
  const test::EnvironmentVariable trusted("SSL_CERT_FILE", server.certificate());
  const auto refused = make()->perform(asking(get(server.url()), [] { return false; }));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().retry, Retry::later);
  EXPECT_THAT(refused.error().text(), Not(HasSubstr("certificate")));
  const auto asked = make()->perform(asking(get(server.url()), [] { return true; }));
  EXPECT_TRUE(asked.has_value()) << asked.error().text();
}

}  // namespace
}  // namespace mig_runner::api

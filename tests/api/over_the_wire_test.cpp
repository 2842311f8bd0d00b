// The client with curl under it, against a server that answers as the API does: chunked, in parallel, with old tokens.

#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "api/api_client.h"
#include "api/counting_signer.h"
#include "api/raw_server.h"
#include "api/requests.h"
#include "support/manual_clock.h"

namespace mig_runner::api {
namespace {

using nlohmann::json;
using test::RawServer;

std::string answer_text(const std::string& data) {
  return R"({"collection":{"items":[{"data":[)" + data + R"(]}],"error":{}}})";
}

const std::string kEndOfList = R"({"collection":{"error":{"code":"1","message":"no results found"}}})";

void send_chunked(int fd, const std::string& body) {
  std::string text = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += 1000) {
    const auto piece = body.substr(at, 1000);
    char size[16];
    (void)snprintf(size, sizeof size, "%zx\r\n", piece.size());
    text += size + piece + "\r\n";
  }
  RawServer::send_text(fd, text + "0\r\n\r\n");
}

std::int64_t number_after(const std::string& request, const std::string& key) {
  return std::stoll(request.substr(request.find(key) + key.size()));
}

// One action, 7, with this many commands.
class WireTest : public testing::Test {
 protected:
  static constexpr std::int64_t kCommands = 5'000;

  void serve(int fd, const std::string& request) {
    if (!old_token.empty() && request.find(old_token) != std::string::npos)
      return RawServer::answer(fd, 401, R"({"collection":{"error":{"message":"token timestamp"}}})");
    if (request.starts_with("POST "))
      return RawServer::answer(
          fd, 202, answer_text(R"({"name":"action ID 7","value":{"id":7,"name":"n","pgpsignatures":["s"]}})"));
    const auto limit = number_after(request, "limit=");
    const auto offset = number_after(request, "offset=");
    if (offset >= kCommands) return RawServer::answer(fd, 404, kEndOfList);
    std::string data;
    for (auto id = offset; id < std::min(offset + limit, kCommands); ++id)
      data += R"({"name":"command","value":{"id":)" + std::to_string(id + 1) + R"(,"s":"xxxxxxxxxxxxxxxxxxxx"}},)";
    data += R"({"name":"search parameters","value":{}})";
    auto expected = offset;
    if (lost_offset.compare_exchange_strong(expected, -1)) {
      const auto text = R"({"collection":{"items":[{"data":[)" + data;
      RawServer::send_text(fd, "HTTP/1.1 200 X\r\nContent-Length: 1000000\r\n\r\n" + text.substr(0, text.size() / 2));
      return RawServer::end(fd);
    }
    // How large pages are depends on the time that others took.
    const bool is_cut = offset <= cut_offset && cut_offset < offset + limit;
    if (is_cut) return send_chunked(fd, data.substr(0, data.size() / 2));
    send_chunked(fd, answer_text(data));
  }

  std::string old_token;
  std::int64_t cut_offset = -1;
  std::atomic<std::int64_t> lost_offset = -1;  // the first page from there is cut off
  RawServer server{[this](int fd, const std::string& request) { serve(fd, request); }};
  test::ManualClock clock{parse_rfc3339("2026-11-23T08:00:00Z").value()};
  TokenSource tokens{clock};
  std::atomic<int> signatures_made = 0;
  ApiClient client{server.url(), make(), std::make_unique<test::CountingSigner>(signatures_made), tokens};
};

TEST_F(WireTest, FetchesEveryCommandOnce) {
  for (const FetchOptions options :
       {FetchOptions{300, 4, kCommands}, FetchOptions{1000, 2, 0}, FetchOptions{99, 7, 10}}) {
    std::multiset<std::int64_t> ids;
    const auto fetched = client.fetch_commands(7, options, [&](const CommandSlice& command) -> Result<void> {
      ids.insert(command.id);
      return {};
    });
    ASSERT_TRUE(fetched) << fetched.error().text();
    const auto expected = options.expected == 10 ? std::int64_t{198} : kCommands;
    EXPECT_EQ(ids.size(), static_cast<std::size_t>(expected));
    EXPECT_EQ(std::set<std::int64_t>(ids.begin(), ids.end()).size(), ids.size());
  }
  EXPECT_EQ(signatures_made, 1);
  EXPECT_LE(server.connections(), 7);
}

TEST_F(WireTest, AnOldTokenIsReplacedInEveryCall) {
  old_token = "SIG1";
  const Posting posting{"{}", "n", "s"};
  std::int64_t id = 0;
  const auto stored = [&](std::size_t, Result<StoredAction> answer) { id = answer ? answer->id : -1; };
  client.post_actions({&posting, 1}, stored, {});
  EXPECT_EQ(id, 7);
  old_token = "SIG2";
  std::size_t count = 0;
  ASSERT_TRUE(client.fetch_commands(7, {500, 4, kCommands}, [&](const CommandSlice&) -> Result<void> {
    ++count;
    return {};
  }));
  EXPECT_EQ(count, static_cast<std::size_t>(kCommands));
  EXPECT_EQ(signatures_made, 3);
}

TEST_F(WireTest, ACutPageIsAnErrorThatCanBeTriedAgain) {
  cut_offset = 2'000;
  std::set<std::int64_t> ids;
  const auto fetched = client.fetch_commands(7, {1000, 4, kCommands}, [&](const CommandSlice& command) -> Result<void> {
    ids.insert(command.id);
    return {};
  });
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().retry, Retry::later);
  EXPECT_EQ(fetched.error().where, server.url("search"));
  EXPECT_LT(fetched.error().text().size(), 600U);
  EXPECT_EQ(ids.count(2'001), 0U);
}

// A page that breaks off is read on from there.
TEST_F(WireTest, APageWhoseConnectionIsLostIsReadOn) {
  lost_offset = 0;
  std::set<std::int64_t> ids;
  const auto fetched = client.fetch_commands(7, {1000, 4, kCommands}, [&](const CommandSlice& command) -> Result<void> {
    ids.insert(command.id);
    return {};
  });
  ASSERT_TRUE(fetched) << fetched.error().text();
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(kCommands));
  EXPECT_TRUE(fetched->unreadable.empty());
  EXPECT_EQ(lost_offset, -1);
}

}  // namespace
}  // namespace mig_runner::api

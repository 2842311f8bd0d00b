#include "sandbox/faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <iterator>
#include <thread>

#include "sandbox/form.h"
#include "sandbox/stand.h"

namespace mig_sandbox::test {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

TEST(Fault, IsReadAndWritten) {
  const auto fault = Fault::parse("latency:rate=0.25,count=3,path=GET /api/v1/search,delay=1m30s").value();
  EXPECT_EQ(fault.kind, FaultKind::latency);
  EXPECT_EQ(fault.rate, 0.25);
  EXPECT_EQ(fault.count, 3);
  EXPECT_EQ(fault.path, "GET /api/v1/search");
  EXPECT_EQ(fault.delay, 90s);
  EXPECT_EQ(fault.text(), "latency:rate=0.25,count=3,path=GET /api/v1/search,delay=1m30s");
  EXPECT_EQ(Fault::parse("500").value().text(), "500:rate=1");
  EXPECT_THAT(Fault::parse("501").error().what, HasSubstr("it has to be one of 500, 401, latency"));
  for (const char* wrong : {"500:rate=2", "500:rate=x", "500:count=-1", "500:colour=red", "latency:delay=5", ""})
    EXPECT_FALSE(Fault::parse(wrong)) << wrong;
}

TEST(Fault, HitsItsShareAndStopsAtItsCount) {
  Faults faults(1);
  faults.add(Fault::parse("500:rate=0.3,path=search").value());
  int hits = 0;
  for (int i = 0; i < 1000; ++i) hits += faults.choose("GET /api/v1/search").kind ? 1 : 0;
  EXPECT_GT(hits, 250);
  EXPECT_LT(hits, 350);
  EXPECT_FALSE(faults.choose("GET /api/v1/action").kind);
  EXPECT_EQ(faults.list().at(0).hits, hits);
  faults.clear();
  faults.add(Fault::parse("401:count=2").value());
  faults.add(Fault::parse("latency:delay=5ms").value());
  faults.add(Fault::parse("hang").value());
  const auto first = faults.choose("GET /");
  EXPECT_EQ(first.kind, FaultKind::unauthorized);
  EXPECT_EQ(first.delay, 5ms);
  faults.choose("GET /");
  EXPECT_EQ(faults.choose("GET /").kind, FaultKind::hang);
}

class FaultsTest : public ::testing::Test {
 protected:
  void arm(const std::string& fault) { ASSERT_TRUE(stand.server->add_fault(fault)); }
  int posts() { return static_cast<int>(json::parse(stand.client().get("/sandbox/posts").body).size()); }
  static ServerOptions options() {
    ServerOptions options;
    options.fleet.agents = 50;
    return options;
  }
  Stand stand{options()};
};

TEST_F(FaultsTest, RefusalsDoNothing) {
  arm("500:count=1");
  EXPECT_EQ(stand.post(stand.document({})).status, 500);
  arm("401:count=1");
  EXPECT_EQ(stand.post(stand.document({})).status, 401);
  EXPECT_EQ(posts(), 0);
  EXPECT_EQ(stand.post(stand.document({})).status, 202);
}

TEST_F(FaultsTest, AConnectionIsResetBeforeAnythingIsDone) {
  arm("reset-before:count=1");
  const auto answer = stand.post(stand.document({}));
  EXPECT_EQ(answer.status, 0);
  EXPECT_TRUE(answer.reset);
  EXPECT_EQ(posts(), 0);
}

TEST_F(FaultsTest, AnAcceptedActionsAnswerIsLost) {
  arm("answer-lost:count=1,path=action/create");
  const auto answer = stand.post(stand.document({}));
  EXPECT_EQ(answer.status, 0);
  EXPECT_TRUE(answer.reset);
  const auto list = json::parse(stand.client().get("/sandbox/posts").body);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].at("fault"), "answer-lost");
}

TEST_F(FaultsTest, AConnectionIsResetInsideTheAnswer) {
  // One answer with a length, one in chunks.
  arm("reset-inside:count=2");
  for (const char* path : {"action?actionid=1", "search?type=agent&status=online"}) {
    const auto answer = stand.get(path);
    EXPECT_NE(answer.status, 0);
    EXPECT_FALSE(answer.complete);
    EXPECT_TRUE(answer.reset);
    EXPECT_FALSE(answer.body.empty());
  }
  EXPECT_TRUE(stand.get("search?type=agent&status=online").complete);
}

TEST_F(FaultsTest, AConnectionIsResetAfterTheAnswer) {
  arm("reset-after:count=1,path=create");
  const auto answer = stand.post(stand.document({}));
  EXPECT_EQ(answer.status, 202);
  EXPECT_TRUE(answer.complete);
  EXPECT_FALSE(answer.headers.contains("connection"));
  EXPECT_TRUE(stand.client().ended_within(2000));
  EXPECT_TRUE(stand.get("dashboard").reset);
  EXPECT_EQ(stand.get("dashboard").status, 200);
}

TEST_F(FaultsTest, DocumentsAreCutAndBroken) {
  arm("cut-json:count=2");
  for (const char* path : {"dashboard", "search?type=agent&status=online"}) {
    const auto answer = stand.get(path);
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.complete);
    EXPECT_FALSE(json::accept(answer.body));
  }
  arm("broken-json:count=1");
  const auto broken = stand.get("search?type=agent&status=online");
  EXPECT_TRUE(broken.complete);
  EXPECT_FALSE(json::accept(broken.body));
  EXPECT_TRUE(json::accept(stand.get("dashboard").body));
}

TEST_F(FaultsTest, LatencyDelaysAndAHangEndsWithTheServer) {
  arm("latency:delay=50ms,count=1");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(stand.get("dashboard").status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 50ms);
  arm("hang");
  auto hanging =
      std::async(std::launch::async, [port = stand.server->port()] { return TestClient(port).get("/api/v1/ip"); });
  EXPECT_EQ(hanging.wait_for(100ms), std::future_status::timeout);
  const auto stop = std::chrono::steady_clock::now();
  stand.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - stop, 1s);
  EXPECT_EQ(hanging.get().status, 0);
}

// A fault that hangs many clients, which give up one after the other, must not use up the server's connections.
TEST_F(FaultsTest, AHangEndsWithTheClient) {
  arm("hang:path=/hang");
  const auto threads = [] {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
  };
  const auto before = threads();
  {
    TestClient client(stand.server->port());
    client.send_only("GET", "/hang");
    while (threads() == before) std::this_thread::yield();
  }
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  while (threads() > before && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(threads(), before);
}

TEST_F(FaultsTest, AreSetOverHttp) {
  auto& client = stand.client();
  const auto added = client.request("POST", "/sandbox/faults", {}, "500:rate=1,count=5,path=dashboard");
  EXPECT_EQ(added.status, 200);
  EXPECT_EQ(json::parse(added.body).at("faults").at(0).at("fault"), "500:rate=1,count=5,path=dashboard");
  EXPECT_EQ(stand.get("dashboard").status, 500);
  EXPECT_EQ(json::parse(client.get("/sandbox/faults").body).at("faults").at(0).at("hits"), 1);
  EXPECT_EQ(client.request("POST", "/sandbox/faults", {}, "nonsense").status, 400);
  EXPECT_EQ(client.request("DELETE", "/sandbox/faults/1").status, 200);
  EXPECT_EQ(client.request("DELETE", "/sandbox/faults/1").status, 404);
  EXPECT_EQ(stand.get("dashboard").status, 200);
  client.request("POST", "/sandbox/faults", {}, "500");
  client.request("DELETE", "/sandbox/faults");
  EXPECT_EQ(stand.get("dashboard").status, 200);
  EXPECT_EQ(client.get("/sandbox/nosuch").status, 404);
}

TEST(Server, ListensOnLoopbackOnly) {
  const ManualClock clock(Timestamp{});
  for (const char* address : {"0.0.0.0", "192.0.2.1", "::", "example.net", ""}) {
    ServerOptions options;
    options.address = address;
    const auto server = Server::start(options, clock);
    ASSERT_FALSE(server) << address;
    EXPECT_THAT(server.error().what, HasSubstr("loopback"));
  }
  ServerOptions options;
  options.address = "127.0.0.2";
  EXPECT_TRUE(Server::start(options, clock));
}

TEST(Server, SaysWhatIsWrong) {
  const ManualClock clock(Timestamp{});
  ServerOptions options;
  options.investigators = {{"not a key", ""}};
  EXPECT_FALSE(Server::start(options, clock));
  options.investigators = {};
  options.faults = {"nonsense"};
  EXPECT_FALSE(Server::start(options, clock));
  options.faults = {};
  options.state = "/nonexistent/state.db";
  EXPECT_THAT(Server::start(options, clock).error().text(), HasSubstr("/nonexistent/state.db"));
  const Stand stand;
  options.state.clear();
  options.port = stand.server->port();
  EXPECT_THAT(Server::start(options, clock).error().what, HasSubstr("cannot listen on 127.0.0.1:"));
}

// With its own threads and the system's clock, as `mig-sandbox serve` runs it.
TEST(Server, MovesByItself) {
  const auto& clock = mig_runner::system_clock();
  Stand stand;
  stand.clock.set(clock.now());
  const std::string document = stand.document({});
  ServerOptions options = stand.options;
  options.automatic = true;
  options.local_agent.run = [](const std::string&, const std::string&, Timestamp, const std::stop_token&) {
    return std::string(R"({"foundanything":true,"success":true,"elements":{},"statistics":null,"errors":null})");
  };
  stand.server = Server::start(options, clock).value();
  TestClient client(stand.server->port());
  const std::map<std::string, std::string> headers = {{"X-MIGAPIKEY", "key"}};
  const auto posted = client.request("POST", "/api/v1/action/create/", headers, "action=" + encode_component(document));
  ASSERT_EQ(posted.status, 202);
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (std::chrono::steady_clock::now() < deadline &&
         client.get("/api/v1/search?type=action&status=completed", headers).status != 200)
    std::this_thread::yield();
  EXPECT_EQ(client.get("/api/v1/search?type=action&status=completed", headers).status, 200);
}

}  // namespace
}  // namespace mig_sandbox::test

#include "sandbox/faults/faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <iterator>
#include <thread>

#include "base/percent.h"
#include "sandbox/base/form.h"
#include "sandbox/faults/spoil.h"
#include "server/stand.h"

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
  EXPECT_THAT(Fault::parse("501").error().what, HasSubstr("it has to be one of 500, 401, html"));
  EXPECT_EQ(Fault::parse("html:status=429,delay=7s").value().text(), "html:rate=1,delay=7s,status=429");
  EXPECT_EQ(Fault::parse("html-404").value().text(), "html:rate=1,delay=1s,status=404");
  EXPECT_EQ(Fault::parse("huge-answer:size=5").value().text(), "huge-answer:rate=1,size=5");
  EXPECT_EQ(Fault::parse("late-answers").value().delay, 2s);
  for (const char* wrong :
       {"500:status=404", "500:delay=1s", "hang:size=1", "html:status=99", "html:size=1", "deep-answer:size=0",
        "preparing:delay=x", "500:rate=2", "500:rate=x", "500:count=-1", "500:colour=red", "latency:delay=5", ""})
    EXPECT_FALSE(Fault::parse(wrong)) << wrong;
}

TEST(Fault, HitsItsShareAndStopsAtItsCount) {
  Faults faults(1);
  faults.add(Fault::parse("500:rate=0.3,path=search").value());
  int hits = 0;
  for (int i = 0; i < 1000; ++i) hits += faults.choose("GET /api/v1/search").fault ? 1 : 0;
  EXPECT_GT(hits, 250);
  EXPECT_LT(hits, 350);
  EXPECT_FALSE(faults.choose("GET /api/v1/action").fault);
  EXPECT_EQ(faults.list().at(0).hits, hits);
  faults.clear();
  faults.add(Fault::parse("401:count=2").value());
  faults.add(Fault::parse("latency:delay=5ms").value());
  faults.add(Fault::parse("hang").value());
  const auto first = faults.choose("GET /");
  EXPECT_TRUE(first.is(FaultKind::unauthorized));
  EXPECT_EQ(first.delay, 5ms);
  faults.choose("GET /");
  EXPECT_TRUE(faults.choose("GET /").is(FaultKind::hang));
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

TEST_F(FaultsTest, AProxyAnswersWithAPage) {
  for (const int status : {302, 403, 404, 405, 407, 413, 421, 429, 502, 503}) {
    arm("html:count=1,delay=7s,status=" + std::to_string(status));
    const auto answer = stand.post(stand.document({}));
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.headers.at("content-type"), "text/html");
    EXPECT_THAT(answer.body, HasSubstr("<title>" + std::to_string(status) + " "));
    EXPECT_EQ(answer.headers.contains("location"), status == 302);
    EXPECT_EQ(answer.headers.contains("retry-after") ? answer.headers.at("retry-after") : "",
              status == 429 || status == 503 ? "7" : "");
  }
  EXPECT_EQ(posts(), 0);
  arm("html-after:count=1");
  EXPECT_EQ(stand.post(stand.document({})).status, 502);
  EXPECT_EQ(posts(), 1);
}

TEST_F(FaultsTest, IdsAreWrittenWithExponents) {
  const auto id = stand.launch();
  stand.steps(4);
  arm("exponent-ids");
  const std::string digits = std::to_string(id);
  const std::string part = digits.substr(1, digits.find_last_not_of('0'));
  const std::string written = digits.substr(0, 1) + "." + part + "e+13";
  for (const char* path : {"action?actionid=", "search?type=action&actionid=", "search?type=command&actionid="}) {
    const auto answer = stand.get(path + digits);
    EXPECT_THAT(answer.body, HasSubstr("\"id\":" + written + ",\"name\":\"mig-runner: test\""));
    EXPECT_THAT(answer.body, ::testing::Not(HasSubstr("\"id\":" + digits)));
    EXPECT_THAT(answer.body, HasSubstr("\"id\":1,\"name\":\"Test Investigator\""));
  }
  // The same number.
  EXPECT_EQ(stand.values("action?actionid=" + digits).at(0).at("id").get<double>(), static_cast<double>(id));
  EXPECT_EQ(with_exponent_ids(R"({"id":1000000,"id":999999,"n":1000000,"id":20000000000})"),
            R"({"id":1e+06,"id":999999,"n":1000000,"id":2e+10})");
}

TEST_F(FaultsTest, AnAnswerTellsOfAnotherAction) {
  arm("other-action:count=2");
  const auto answered = [&](const std::string& document) {
    const auto answer = stand.post(document);
    EXPECT_EQ(answer.status, 202);
    return json::parse(answer.body)["collection"]["items"][0]["data"][0]["value"];
  };
  Stand::Draft draft;
  draft.name = "mig-runner: first";
  const json invented = answered(stand.document(draft));
  EXPECT_EQ(invented.at("name"), "another action");
  draft.name = "mig-runner: second";
  const json real = answered(stand.document(draft));
  EXPECT_EQ(real.at("name"), "mig-runner: first");
  // Both are stored.
  const auto list = json::parse(stand.client().get("/sandbox/posts").body);
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].at("id"), real.at("id"));
  EXPECT_EQ(list[0].at("pgpsignatures"), real.at("pgpsignatures"));
  EXPECT_NE(list[0].at("id"), invented.at("id"));
  EXPECT_EQ(list[1].at("name"), "mig-runner: second");
}

// Of requests that post no action these faults let all pass, and their counts stay.
TEST_F(FaultsTest, OfActionsHitOnlyPosts) {
  arm("stored-500:count=1");
  EXPECT_EQ(stand.get("dashboard").status, 200);
  EXPECT_EQ(stand.post(stand.document({})).status, 500);
  EXPECT_EQ(stand.post(stand.document({})).status, 202);
}

// All agents of the fleet answer in time, but for what a fault does.
class ActionFaultsTest : public ::testing::Test {
 protected:
  static ServerOptions options() {
    ServerOptions options;
    options.fleet.agents = 9;
    options.fleet.away = options.fleet.late = options.fleet.silent = options.fleet.failed = 0;
    return options;
  }
  std::int64_t launch(const std::string& fault) {
    EXPECT_TRUE(stand.server->add_fault(fault + (fault.find(':') == std::string::npos ? ":count=1" : ",count=1")));
    const auto id = stand.launch();
    stand.steps(3);
    return id;
  }
  void pass(std::chrono::milliseconds time) {
    stand.clock.advance(time);
    stand.steps(1);
  }
  int counter(std::int64_t id, const char* name) { return stand.action(id).at("counters").value(name, 0); }
  std::size_t size_of(std::int64_t id, const std::string& status) {
    const auto commands = stand.commands(id);
    return static_cast<std::size_t>(std::count_if(commands.begin(), commands.end(),
                                                  [&](const json& command) { return command.at("status") == status; }));
  }
  Stand stand{options()};
};

TEST_F(ActionFaultsTest, AnActionStaysPreparingWithHalfOfItsCommands) {
  const auto id = launch("preparing:delay=8s");
  EXPECT_EQ(stand.action(id).at("status"), "preparing");
  EXPECT_EQ(counter(id, "sent"), 4);
  pass(7999ms);
  EXPECT_EQ(stand.action(id).at("status"), "preparing");
  EXPECT_EQ(counter(id, "sent"), 4);
  EXPECT_EQ(size_of(id, "success"), 4U);
  pass(1ms);
  EXPECT_EQ(stand.action(id).at("status"), "inflight");
  EXPECT_EQ(counter(id, "sent"), 9);
  pass(20s);
  EXPECT_EQ(stand.action(id).at("status"), "completed");
}

TEST_F(ActionFaultsTest, AnswersComeAfterTheExpiry) {
  const auto soon = launch("late-answers:delay=2s");
  const auto late = launch("late-answers:delay=5s");
  pass(60s);
  EXPECT_EQ(size_of(soon, "success"), 1U);
  EXPECT_EQ(size_of(soon, "sent"), 8U);
  pass(2s);
  EXPECT_EQ(size_of(soon, "success"), 9U);
  EXPECT_EQ(stand.action(soon).at("status"), "completed");
  EXPECT_EQ(size_of(late, "sent"), 8U);
  // The scheduler gives up first, and still takes what comes.
  pass(1s);
  EXPECT_EQ(size_of(late, "expired"), 8U);
  EXPECT_EQ(stand.action(late).at("status"), "completed");
  pass(2s);
  EXPECT_EQ(size_of(late, "success"), 9U);
  EXPECT_EQ(counter(late, "success"), 9);
}

TEST_F(ActionFaultsTest, OneAgentAnswersTooDeepOrTooMuch) {
  for (const auto& [fault, size] :
       {std::pair("deep-answer", 2 * 1100U), std::pair("huge-answer:size=3000000", 3000000U)}) {
    SCOPED_TRACE(fault);
    const auto id = launch(fault);
    pass(59s);
    EXPECT_EQ(stand.action(id).at("counters").at("success"), 9);
    std::string whole = stand.get("search?type=command&limit=1000&actionid=" + std::to_string(id)).body;
    EXPECT_TRUE(json::accept(whole));
    EXPECT_GT(whole.size(), size);
    std::size_t spoiled = 0;
    for (const auto& command : stand.commands(id))
      spoiled += command.at("results")[0].at("elements").is_array() ? 1 : 0;
    EXPECT_EQ(spoiled, 1U);
  }
}

// The agent of this machine answers late as well; without others it is the first, and answers too deep.
TEST(ActionFaults, HitTheAgentOfThisMachine) {
  ServerOptions options;
  options.local_agent.run = [](const std::string&, const std::string&, Timestamp, const std::stop_token&) {
    return std::string(R"({"foundanything":true,"success":true,"elements":{},"statistics":null,"errors":null})");
  };
  options.fleet.agents = 1;
  options.fleet.away = options.fleet.late = options.fleet.silent = options.fleet.failed = 0;
  Stand stand(options);
  ASSERT_TRUE(stand.server->add_fault("late-answers:count=1,delay=1s"));
  const auto late = stand.launch();
  ASSERT_TRUE(stand.server->add_fault("deep-answer:count=1"));
  Stand::Draft draft;
  draft.target = "name='localhost'";
  const auto deep = stand.launch(draft);
  stand.steps(4);
  EXPECT_TRUE(stand.commands(deep).at(0).at("results")[0].at("elements").is_array());
  stand.clock.advance(60s);
  stand.steps(1);
  EXPECT_EQ(stand.action(late).at("counters").value("done", 0), 1);
  stand.clock.advance(1s);
  stand.steps(1);
  EXPECT_EQ(stand.action(late).at("counters").value("success", 0), 2);
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
  const auto posted =
      client.request("POST", "/api/v1/action/create/", headers, "action=" + mig_runner::percent_encode(document));
  ASSERT_EQ(posted.status, 202);
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (std::chrono::steady_clock::now() < deadline &&
         client.get("/api/v1/search?type=command&status=success", headers).status != 200)
    std::this_thread::yield();
  EXPECT_EQ(client.get("/api/v1/search?type=command&status=success", headers).status, 200);
}

}  // namespace
}  // namespace mig_sandbox::test

#include "api/answers.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>

#include "support/scratch_directory.h"

namespace mig_runner::api {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

std::string collection(const std::string& data) {
  return R"({"collection":{"version":"1.0","items":[{"href":"x","data":[)" + data + R"(]}],"error":{}}})";
}

std::string command(const std::string& value) {
  return R"({"name":"command","value":)" + value + "}";
}

std::string action(const std::string& value) {
  return R"({"name":"action","value":)" + value + "}";
}

struct Taken {
  std::vector<std::int64_t> ids;
  std::vector<std::string> texts;
  std::string error;
  Retry retry = Retry::no;
};

Taken take(std::string body) {
  Taken taken;
  const auto read = read_commands(body, [&](const CommandSlice& slice) -> Result<void> {
    taken.ids.push_back(slice.id);
    taken.texts.emplace_back(slice.json);
    return {};
  });
  if (!read) {
    taken.error = read.error().what;
    taken.retry = read.error().retry;
  }
  return taken;
}

Result<std::vector<ListedAction>> actions(std::string body) {
  return read_actions(body);
}

TEST(Commands, AreWhatTheServerWroteByteForByte) {
  const std::string odd = "{ \"id\" : 7,\n \"b\": 1.0, \"a\":1e-7 ,\"s\":\"\\u003c\\/\",\"b\":[ ] }";
  EXPECT_THAT(take(collection(command(odd + " \n ") + " , " + command(R"({"id":8})"))).texts,
              ElementsAre(odd, R"({"id":8})"));
}

TEST(Commands, TheirPlaceInTheDatumDoesNotMatter) {
  EXPECT_THAT(take(collection(R"({"value":{"x":{"id":3},"id":9},"more":[{}],"name":"command"})")).ids, ElementsAre(9));
}

TEST(Commands, OtherDataArePassedOver) {
  const auto data = R"({"name":"pagination","value":{"offset":2}},)" + command(R"({"id":1})") +
                    R"(,{"name":"search parameters","value":"none"},{"name":"heartbeat"})";
  EXPECT_THAT(take(collection(data)).ids, ElementsAre(1));
  EXPECT_THAT(take(R"({"collection":{"items":[]}})").error, "");
}

// Go writes 64-bit floats without an exponent up to 1e21: uint64 values of an agent come as such.
TEST(Commands, NumbersBeyond64BitsAreAccepted) {
  for (const std::string number : {"18446744073709551615", "18446744073709552000", "-18446744073709552000",
                                   "100000000000000000000", "999999999999999900000", "1e+21", "-9223372036854775809",
                                   "0.1234567890123456789012345", "1.7976931348623157e308"})
    EXPECT_THAT(take(collection(command(R"({"id":1,"n":[)" + number + R"(,")" + number + R"("]})"))).texts,
                ElementsAre(R"({"id":1,"n":[)" + number + R"(,")" + number + R"("]})"))
        << number;
}

TEST(Commands, LongFractionsBesideLongIntegersAreAccepted) {
  const std::string numbers =
      "[18446744073709552000,12345678901234567890.5,12345678901234567890e1,0.12345678901234567890e-5]";
  EXPECT_THAT(take(collection(command(R"({"id":1,"n":)" + numbers + "}"))).texts,
              ElementsAre(R"({"id":1,"n":)" + numbers + "}"));
}

TEST(Commands, NumbersThatAreNoneAreRefused) {
  for (const std::string number : {"1e400", "01", "00000000000000000001", "18446744073709552000x", "1.", ".5", "+1",
                                   "0x10", "1e", "--1", "NaN", "18446744073709552000 1", "100000000000000000000000"}) {
    const auto taken = take(collection(command(R"({"id":1})") + "," + command(R"({"id":2,"n":)" + number + "}")));
    EXPECT_TRUE(taken.ids.empty()) << number;
    EXPECT_EQ(taken.retry, Retry::later) << number;
  }
}

TEST(Commands, WithoutAUsableIdTheWholePageIsRefused) {
  for (const std::string bad : {"{}", R"({"id":0})", R"({"id":-1})", R"({"id":9007199254740992})", R"({"id":"2"})",
                                R"({"id":1.5})", R"({"id":1e3})", R"({"id":null})", R"({"id":[1]})", "[]", "1", "null",
                                R"({"ID":1})", R"({"id":18446744073709552000})"}) {
    const auto taken = take(collection(command(R"({"id":1})") + "," + command(bad)));
    EXPECT_TRUE(taken.ids.empty()) << bad;
    EXPECT_NE(taken.error, "") << bad;
  }
  EXPECT_THAT(take(collection(command(R"({"id":9007199254740991})"))).ids, ElementsAre(9007199254740991));
}

TEST(Commands, AnotherShapeIsRefused) {
  const auto good = command(R"({"id":1})");
  for (const std::string& body :
       {std::string(), std::string("null"), std::string("[]"), std::string("\"x\""), std::string("{}"),
        std::string(R"({"collection":null})"), std::string(R"({"collection":{"items":{}}})"),
        std::string(R"({"collection":{"items":[1]}})"), std::string(R"({"collection":{"items":[{"data":{}}]}})"),
        collection("1"), collection(R"({"value":{"id":1}})"), collection(R"({"name":1,"value":{"id":1}})"),
        collection(good + R"(,{"name":"command"})"), collection(good) + "x", collection(good) + collection(good),
        collection(good + "," + R"({"n\u0061me":"command","value":{"id":2}})"), collection(good + ",\xff"),
        collection(good + std::string(",\"\0\"", 4)), collection(good + R"(,"\ud800")")}) {
    const auto taken = take(body);
    EXPECT_TRUE(taken.ids.empty()) << body;
    EXPECT_EQ(taken.retry, Retry::later) << body;
    EXPECT_NE(taken.error, "") << body;
  }
}

TEST(Commands, DepthIsLimited) {
  const auto nested = [](std::size_t depth) {
    return collection(command(R"({"id":1,"n":)" + std::string(depth, '[') + std::string(depth, ']') + "}"));
  };
  EXPECT_EQ(take(nested(900)).error, "");
  EXPECT_THAT(take(nested(5'000)).error, HasSubstr("no JSON"));
  EXPECT_THAT(take(nested(1'000'000)).error, HasSubstr("no JSON"));
}

TEST(Commands, AnErrorOfTheSinkEndsTheReading) {
  auto body = collection(command(R"({"id":1})") + "," + command(R"({"id":2})"));
  int calls = 0;
  const auto read = read_commands(body, [&](const CommandSlice&) -> Result<void> {
    ++calls;
    return fail("disk full", "/results", Retry::later);
  });
  EXPECT_EQ(read.error().text(), "/results: disk full");
  EXPECT_EQ(calls, 1);
}

// A page of the real API, cut at every byte and damaged at random: nothing of it is passed on unless it is JSON, and
// nothing reads past its end (the sanitizers look at that).
TEST(Commands, ADamagedPageIsNeverHalfRead) {
  const auto exchanges = json::parse(test::read_text(MIG_TEST_DATA "/vectors/api_transcript.json"));
  std::string page;
  for (const auto& exchange : exchanges)
    if (exchange.at("path").get<std::string>().find("offset=2&") != std::string::npos) page = exchange["response_body"];
  ASSERT_EQ(take(page).ids.size(), 2U);
  while (page.back() == '\n') page.pop_back();
  for (std::size_t size = 0; size < page.size(); ++size) ASSERT_TRUE(take(page.substr(0, size)).ids.empty()) << size;

  std::mt19937 random(1);  // NOLINT: the same every time
  for (int i = 0; i < 3000; ++i) {
    auto damaged = page;
    for (int flips = 0; flips < 1 + i % 3; ++flips) damaged[random() % damaged.size()] = static_cast<char>(random());
    const auto taken = take(damaged);
    const bool valid = json::accept(damaged);
    EXPECT_TRUE(taken.ids.empty() || valid) << damaged;
    EXPECT_TRUE(taken.error.size() < 500) << taken.error;
    for (const auto& text : taken.texts) EXPECT_TRUE(json::accept(text)) << text;
  }
}

TEST(Actions, AreWhatTheServerWrote) {
  const std::string text =
      R"({"id":5,"name":"n","operations":[{"parameters":{"tiny":1e-7,"one":1.0,"big":18446744073709552000}}],)"
      R"("pgpsignatures":["a","b"],"status":"inflight","target":"t","counters":{"sent":9,"done":4}})";
  const auto listed = actions(collection(action(text))).value().at(0);
  EXPECT_EQ(listed.action.json, text);
  EXPECT_EQ(listed.status.json, text);
  EXPECT_EQ(listed.action.id, 5);
  EXPECT_EQ(listed.name, "n");
  EXPECT_THAT(listed.signatures, ElementsAre("a", "b"));
  EXPECT_EQ(listed.status.status, "inflight");
  EXPECT_EQ(listed.status.target, "t");
  EXPECT_EQ(listed.status.sent, 9);
  EXPECT_EQ(listed.status.done, 4);
}

TEST(Actions, MayLackAllButTheirId) {
  const auto listed = actions(collection(action(R"({"id":5,"pgpsignatures":null,"counters":{}})"))).value().at(0);
  EXPECT_EQ(listed.action.id, 5);
  EXPECT_TRUE(listed.signatures.empty());
  EXPECT_EQ(listed.status.sent, 0);
}

TEST(Actions, OfAnotherTypeAreRefused) {
  for (const std::string bad :
       {"{}", R"({"id":"5"})", R"({"id":5,"name":1})", R"({"id":5,"status":["completed"]})",
        R"({"id":5,"status":"\u001b[31mred"})", R"({"id":5,"status":"a status of more than thirty-two letters"})",
        R"({"id":5,"target":{}})", R"({"id":5,"counters":7})", R"({"id":5,"counters":{"sent":"9"}})",
        R"({"id":5,"counters":{"sent":-1}})", R"({"id":5,"counters":{"done":9007199254740992}})",
        R"({"id":5,"counters":{"sent":1.5}})", R"({"id":5,"pgpsignatures":"a"})", R"({"id":5,"pgpsignatures":[1]})",
        "null"}) {
    const auto read = actions(collection(action(bad)));
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().retry, Retry::later);
    EXPECT_EQ(read.error().text().find('\x1b'), std::string::npos);
  }
}

TEST(ErrorMessage, IsOnlyThatOfAnApi) {
  const auto message = [](std::string body) { return error_message(body); };
  EXPECT_EQ(message(R"({"collection":{"error":{"code":"1","message":"no \u003e"}}})"), "no >");
  for (const std::string body : {"", "<html>", R"({"collection":{"error":{}}})", R"({"error":{"message":"x"}})",
                                 R"({"collection":{"error":{"message":1}}})", R"({"collection":{"error":"x"}})"})
    EXPECT_EQ(message(body), std::nullopt) << body;
}

}  // namespace
}  // namespace mig_runner::api

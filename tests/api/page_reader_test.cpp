#include "api/page_reader.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>

#include "support/scratch_directory.h"

namespace mig_runner::api {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

std::string collection(const std::string& data) {
  return R"({"collection":{"version":"1.0","items":[{"href":"x","data":[)" + data + R"(]}],"error":{}}})";
}

std::string command(const std::string& value) {
  return R"({"name":"command","value":)" + value + "}";
}

// As the API writes them: Go's fields in the order of its struct.
std::string command_of(int id, const std::string& agent, const std::string& results) {
  return command(R"({"id":)" + std::to_string(id) +
                 R"(,"action":{"id":7,"name":"an action"},"agent":{"id":1,"name":")" + agent +
                 R"("},"status":"success","results":)" + results + R"(,"starttime":"2026-11-23T08:00:00Z"})");
}

struct Taken {
  std::vector<std::int64_t> ids;
  std::vector<std::string> texts;
  std::vector<std::string> statuses;
  std::vector<UnreadableCommand> unreadable;
  std::int64_t rows = 0;
  std::size_t held = 0;  // at most
  std::string error;
  Retry retry = Retry::no;
};

// In pieces of so many bytes.
Taken take(const std::string& body, std::size_t piece = std::string::npos) {
  Taken taken;
  const CommandSink sink = [&](const CommandSlice& slice) -> Result<void> {
    taken.ids.push_back(slice.id);
    taken.texts.emplace_back(slice.json);
    taken.statuses.emplace_back(slice.status);
    return {};
  };
  PageReader reader(sink, taken.unreadable);
  Result<void> read;
  for (std::size_t at = 0; read && at < body.size();) {
    const auto bytes = std::string_view(body).substr(at, piece);
    read = reader.take(bytes);
    taken.held = std::max(taken.held, reader.held());
    at += bytes.size();
  }
  if (read) read = reader.finish();
  taken.rows = reader.rows();
  if (!read) {
    taken.error = read.error().what;
    taken.retry = read.error().retry;
  }
  return taken;
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

TEST(Commands, TellTheirStatus) {
  EXPECT_THAT(take(collection(command(R"({"status":"sent","id":1,"results":[{"status":"done"}]})") + "," +
                              command(R"({"id":2,"status":""})") + "," + command(R"({"id":3})")))
                  .statuses,
              ElementsAre("sent", "", ""));
  for (const std::string bad :
       {"1", "null", R"(["sent"])", R"("\u001b[31m")", R"("a status of more than thirty-two letters")"}) {
    const auto taken = take(collection(command(R"({"id":2,"status":)" + bad + "}")));
    if (bad.front() == '[') continue;  // as good as none
    EXPECT_THAT(taken.ids, IsEmpty()) << bad;
    EXPECT_EQ(taken.unreadable.size(), 1U) << bad;
  }
}

// Go 1.7 and older write floats from 1e21 on so, and ids are floats there.
TEST(Commands, MayHaveIdsInExponentForm) {
  EXPECT_THAT(take(collection(command(R"({"id":2.9426359271548e+13,"x":1})"))).ids, ElementsAre(29426359271548));
  EXPECT_THAT(take(collection(command(R"({"id":1e3})"))).ids, ElementsAre(1000));
}

TEST(Commands, ComeInPiecesOfAnySize) {
  const auto body =
      collection(command_of(1, "a", R"([{"s":"\"\\\u00e4\ud83d\ude00","n":[-1.5e+10,true,null,false]}])") + " , " +
                 command_of(2, "b", "[ ]") + R"(,{"name":"search parameters","value":{}})");
  const auto whole = take(body);
  ASSERT_THAT(whole.ids, ElementsAre(1, 2));
  for (std::size_t piece = 1; piece < body.size(); ++piece) {
    const auto taken = take(body, piece);
    ASSERT_EQ(taken.error, "") << piece;
    ASSERT_EQ(taken.texts, whole.texts) << piece;
  }
}

TEST(Commands, ThatAreUnusableAreNamedAndTheOthersPassedOn) {
  const auto deep = [](std::size_t depth) { return std::string(depth, '[') + "1" + std::string(depth, ']'); };
  for (const std::string& bad : {deep(1'100),
                                 deep(100'000),
                                 std::string("[1e400]"),
                                 std::string("[01]"),
                                 std::string("[1 2]"),
                                 std::string("[18446744073709552000x]"),
                                 std::string(R"(["\ud800"])"),
                                 std::string(R"(["\x"])"),
                                 std::string("[\"\xff\"]"),
                                 std::string("[\"\n\"]"),
                                 std::string("[\"\0\"]", 5),
                                 std::string("[tru]"),
                                 std::string("[1,]"),
                                 std::string("[,1]"),
                                 std::string("[.5]"),
                                 std::string("[1.]"),
                                 std::string("[+1]"),
                                 std::string("[0x10]"),
                                 std::string("[1e]"),
                                 std::string("[--1]"),
                                 std::string("[NaN]"),
                                 std::string("[-]"),
                                 std::string("{\"a\" 1}"),
                                 std::string("{1:1}"),
                                 std::string("{\"a\":1,}"),
                                 std::string("[1:2]"),
                                 std::string("[}"),
                                 "[" + std::string(2'000, '1') + "]"}) {
    const auto body = collection(command_of(1, "one", "[]") + "," + command_of(2, "two.example.net", bad) + "," +
                                 command_of(3, "three", R"(["}]"])"));
    for (const std::size_t piece : {std::string::npos, std::size_t{7}}) {
      const auto taken = take(body, piece);
      EXPECT_EQ(taken.error, "") << bad.substr(0, 50);
      EXPECT_THAT(taken.ids, ElementsAre(1, 3)) << bad.substr(0, 50);
      ASSERT_EQ(taken.unreadable.size(), 1U) << bad.substr(0, 50);
      EXPECT_EQ(taken.unreadable[0].id, 2);
      EXPECT_EQ(taken.unreadable[0].agent, "two.example.net");
      EXPECT_NE(taken.unreadable[0].reason, "");
      EXPECT_LT(taken.unreadable[0].reason.size(), 500U);
      EXPECT_EQ(taken.rows, 3);
    }
  }
}

TEST(Commands, WithoutAUsableIdAreNamed) {
  for (const std::string bad :
       {"{}", R"({"id":0})", R"({"id":-1})", R"({"id":9007199254740992})", R"({"id":"2"})", R"({"id":1.5})",
        R"({"id":null})", R"({"id":[1]})", "[]", "[1,[2]]", "1", "null", R"({"ID":1})",
        R"({"id":18446744073709552000})", R"({"x":{"id":1}})", R"({"id":9.007199254740992e+15})"}) {
    const auto taken = take(collection(command(R"({"id":1})") + "," + command(bad)));
    EXPECT_THAT(taken.ids, ElementsAre(1)) << bad;
    ASSERT_EQ(taken.unreadable.size(), 1U) << bad;
    EXPECT_EQ(taken.unreadable[0].id, 0) << bad;
  }
  EXPECT_THAT(take(collection(command(R"({"id":9007199254740991})"))).ids, ElementsAre(9007199254740991));
}

TEST(Commands, AThousandLevelsAreNotTooDeep) {
  const auto nested = [](std::size_t depth) {
    return take(collection(command(R"({"id":1,"n":)" + std::string(depth, '[') + std::string(depth, ']') + "}")));
  };
  EXPECT_THAT(nested(999).ids, ElementsAre(1));
  EXPECT_THAT(nested(1'000).ids, IsEmpty());
  EXPECT_EQ(nested(1'000).unreadable.at(0).reason, "nested deeper than 1000 levels");
}

TEST(Commands, AnotherShapeOfThePageIsRefused) {
  const auto good = command(R"({"id":1})");
  for (const std::string& body : {std::string(),
                                  std::string("null"),
                                  std::string("[]"),
                                  std::string("\"x\""),
                                  std::string("{}"),
                                  std::string("<html>502 Bad Gateway</html>"),
                                  std::string(R"({"collection":null})"),
                                  std::string(R"({"collection":{"items":{}}})"),
                                  std::string(R"({"collection":{"items":1}})"),
                                  std::string(R"({"collection":{"items":[1]}})"),
                                  std::string(R"({"collection":{"items":[{"data":{}}]}})"),
                                  std::string(R"({"collection":{"items":[{"data":1}]}})"),
                                  std::string(R"({"collection":{"items":[{}]}})"),
                                  collection("1"),
                                  collection("[]"),
                                  collection(R"({"value":{"id":1}})"),
                                  collection(R"({"name":1,"value":{"id":1}})"),
                                  collection(good) + "x",
                                  collection(good) + collection(good),
                                  collection(good + "," + R"({"n\u0061me":"command","value":{"id":2}})"),
                                  collection(good + ",\xff"),
                                  collection(good + std::string(",\"\0\"", 4)),
                                  R"({"collection":{"x":")" + std::string(3 << 20, 'x')}) {
    for (const std::size_t piece : {std::string::npos, std::size_t{1000}}) {
      const auto taken = take(body, piece);
      EXPECT_EQ(taken.retry, Retry::later) << body.substr(0, 200);
      EXPECT_NE(taken.error, "") << body.substr(0, 200);
      EXPECT_LT(taken.error.size(), 1'500U);
    }
  }
}

// However large they are together.
TEST(Commands, AreHeldOneAtATime) {
  std::string data;
  for (int i = 1; i <= 50; ++i) data += command_of(i, "a", R"([")" + std::string(100'000, 'x') + R"("])") + ",";
  const auto taken = take(collection(data + R"({"name":"search parameters","value":{}})"), 16'384);
  EXPECT_EQ(taken.ids.size(), 50U);
  EXPECT_LT(taken.held, 120'000U);
}

// Neither what is too large nor what is too deep is kept while it comes.
TEST(Commands, ThatAreUnusableAreNotHeld) {
  const auto deep = std::string(5'000, '[') + R"(")" + std::string(5'000'000, 'x') + R"(")" + std::string(5'000, ']');
  const auto taken = take(collection(command_of(1, "deep", deep) + "," + command_of(2, "two", "[]")), 16'384);
  EXPECT_THAT(taken.ids, ElementsAre(2));
  EXPECT_LT(taken.held, 100'000U);
}

TEST(Commands, ThatAreTooLargeAreNamed) {
  std::vector<UnreadableCommand> unreadable;
  std::vector<std::int64_t> ids;
  const CommandSink sink = [&](const CommandSlice& slice) -> Result<void> {
    ids.push_back(slice.id);
    return {};
  };
  PageReader reader(sink, unreadable);
  const auto whole = collection(command_of(1, "large.example.net", "[*]") + "," + command_of(2, "two", "[]"));
  const auto gap = whole.find('*');
  ASSERT_TRUE(reader.take(whole.substr(0, gap) + "1"));
  std::string piece;
  while (piece.size() < 1'000'000) piece += ",[]";
  for (std::size_t size = 0; size <= PageReader::kMaxCommandBytes; size += piece.size())
    ASSERT_TRUE(reader.take(piece));
  EXPECT_LT(reader.held(), 2 * piece.size());
  ASSERT_TRUE(reader.take(whole.substr(gap + 1)));
  ASSERT_TRUE(reader.finish());
  EXPECT_THAT(ids, ElementsAre(2));
  ASSERT_EQ(unreadable.size(), 1U);
  EXPECT_EQ(unreadable[0].agent, "large.example.net");
  EXPECT_EQ(unreadable[0].reason, "larger than 256 MiB");
}

TEST(Commands, AnErrorOfTheSinkEndsTheReading) {
  std::vector<UnreadableCommand> unreadable;
  int calls = 0;
  const CommandSink sink = [&](const CommandSlice&) -> Result<void> {
    ++calls;
    return fail("disk full", "/results", Retry::later);
  };
  PageReader reader(sink, unreadable);
  const auto read = reader.take(collection(command(R"({"id":1})") + "," + command(R"({"id":2})")));
  EXPECT_EQ(read.error().text(), "/results: disk full");
  EXPECT_TRUE(reader.sink_failed());
  EXPECT_EQ(calls, 1);
}

// A page of the real API, cut at every byte and damaged at random: nothing is passed on that is no JSON, and nothing
// reads past its end (the sanitizers look at that).
TEST(Commands, OfADamagedPageArePassedOnWholeOrNotAtAll) {
  const auto exchanges = json::parse(test::read_text(MIG_TEST_DATA "/vectors/api_transcript.json"));
  std::string page;
  for (const auto& exchange : exchanges)
    if (exchange.at("path").get<std::string>().find("offset=2&") != std::string::npos) page = exchange["response_body"];
  ASSERT_EQ(take(page).ids.size(), 2U);
  while (page.back() == '\n') page.pop_back();
  for (std::size_t size = 0; size < page.size(); ++size) ASSERT_NE(take(page.substr(0, size)).error, "") << size;

  std::mt19937 random(1);  // NOLINT: the same every time
  for (int i = 0; i < 3000; ++i) {
    auto damaged = page;
    for (int flips = 0; flips < 1 + i % 3; ++flips) damaged[random() % damaged.size()] = static_cast<char>(random());
    const auto taken = take(damaged, 1 + random() % 5'000);
    EXPECT_TRUE(taken.ids.size() + taken.unreadable.size() == static_cast<std::size_t>(taken.rows));
    EXPECT_TRUE(taken.error.size() < 1'500) << taken.error;
    for (const auto& text : taken.texts) EXPECT_TRUE(json::accept(text)) << text;
  }
}

}  // namespace
}  // namespace mig_runner::api

#include "mig/action.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <nlohmann/json.hpp>

namespace mig_runner::mig {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

const Timestamp kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + 8h};

std::string unbase64(std::string_view text) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6U | static_cast<unsigned>(kAlphabet.find(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xFFU);
  }
  return out;
}

std::string gunzip(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
  std::string out(100'000, '\0');
  std::string in = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

Action parsed(std::string_view json) {
  auto action = Action::parse(json);
  EXPECT_TRUE(action) << action.error().text();
  return action.value_or(Action());
}

std::string parameters_of(std::string_view parameters) {
  const auto action = parsed(R"({"operations":[{"parameters":)" + std::string(parameters) + "}]}");
  return action.operations() ? action.operations()->at(0).parameters : "";
}

TEST(Action, TheLastDuplicateWinsAndNullChangesNothing) {
  const auto action = parsed(
      R"({"target":"a","Target":"b","target":null,"description":{"author":"x"},"description":{"email":"y"},
          "operations":[{"module":"old","parameters":1},{}],"OPERATIONS":[{"module":"new"}]})");
  EXPECT_EQ(action.target(), "b");
  EXPECT_EQ(action.description_json(), R"({"author":"x","email":"y"})");
  EXPECT_EQ(action.operations_json(), R"([{"module":"new","parameters":null}])");
  EXPECT_EQ(parsed(R"({"operations":[{}],"operations":null})").operations_json(), "null");
  EXPECT_EQ(parsed(R"({"pgpsignatures":["a"],"pgpsignatures":["b"]})").signatures(), std::vector<std::string>{"b"});
  EXPECT_EQ(parsed(R"({"pgpsignatures":["a"],"pgpsignatures":null})").signatures().size(), 0U);
}

TEST(Action, KeysMatchAsGoFoldsThem) {
  EXPECT_EQ(parsed("{\"tArgEt\":\"t\"}").target(), "t");
  EXPECT_EQ(parsed("{\"operation\u017F\":[]}").operations_json(), "[]");
  EXPECT_EQ(parsed("{\"operation\":[]}").operations_json(), "null");
  EXPECT_EQ(parsed("{\"operationss\":[]}").operations_json(), "null");
}

TEST(Action, NumbersAreWrittenShortest) {
  const std::pair<const char*, const char*> cases[] = {{"0", "0"},
                                                       {"-0", "-0"},
                                                       {"-0.0e5", "-0"},
                                                       {"1.0", "1"},
                                                       {"100e-2", "1"},
                                                       {"0.1", "0.1"},
                                                       {"123.456", "123.456"},
                                                       {"-1.5", "-1.5"},
                                                       {"1e-6", "0.000001"},
                                                       {"0.00000123", "0.00000123"},
                                                       {"9.9e-7", "9.9e-7"},
                                                       {"1e-7", "1e-7"},
                                                       {"1e20", "100000000000000000000"},
                                                       {"1e21", "1e+21"},
                                                       {"-1.25e+22", "-1.25e+22"},
                                                       {"1e100", "1e+100"},
                                                       {"9007199254740993", "9007199254740992"},
                                                       {"12345678901234567890", "12345678901234567000"},
                                                       {"5e-324", "5e-324"},
                                                       {"1e-400", "0"},
                                                       {"-1e-400", "-0"},
                                                       {"0.0000e999", "0"},
                                                       {"1.7976931348623157e308", "1.7976931348623157e+308"}};
  for (const auto& [written, wanted] : cases) EXPECT_EQ(parameters_of(written), wanted) << written;
}

TEST(Action, NumbersThatNoFloatHoldsAreErrorsOnlyWhereTheyAreUsed) {
  for (const char* number : {"1e400", "-1e400", "0.00001e400", "1e309"}) {
    const auto action = Action::parse(R"({"operations":[{"parameters":{"a":[1,)" + std::string(number) + "]}}]}");
    ASSERT_FALSE(action) << number;
    EXPECT_EQ(action.error().where, "1:38");
    EXPECT_THAT(action.error().what, HasSubstr(number));
  }
  EXPECT_TRUE(Action::parse(R"({"unknown":1e400})"));
}

TEST(Action, StringsAreEscapedAsGoDoes) {
  EXPECT_EQ(parameters_of(R"("\u0000\b\f\n\r\t\u001f\u007f\"\\\/<>&")"), R"("\u0000\u0008\u000c\n\r\t\u001f)"
                                                                         "\x7f"
                                                                         R"(\"\\/\u003c\u003e\u0026")");
  EXPECT_EQ(parameters_of("\"\u2028\u2029\u2030\""), "\"\\u2028\\u2029\u2030\"");
  EXPECT_EQ(parameters_of("\"\xC3\x28 \xED\xA0\x80 \xF4\x90\x80\x80 \xC0\xAF \xE2\x82\""),
            "\"\uFFFD( \uFFFD\uFFFD\uFFFD \uFFFD\uFFFD\uFFFD\uFFFD \uFFFD\uFFFD \uFFFD\uFFFD\"");
  EXPECT_EQ(parameters_of("\"\xE0\x80\xAF \xF0\x80\x80\xAF\""), "\"\uFFFD\uFFFD\uFFFD \uFFFD\uFFFD\uFFFD\uFFFD\"");
  EXPECT_EQ(parameters_of(R"("\ud83d\ude00 \ud83d \ude00 \ud83d\u0041 \ud800\ud83d\ude00")"),
            "\"😀 \uFFFD \uFFFD \uFFFDA \uFFFD😀\"");
}

TEST(Action, MembersAreSortedByBytes) {
  EXPECT_EQ(parameters_of("{\"b\":1,\"\":2,\"B\":3,\"\uFFFD\":4,\"\U0001F600\":5,\"aa\":6,\"a\":7}"),
            "{\"\":2,\"B\":3,\"a\":7,\"aa\":6,\"b\":1,\"\uFFFD\":4,\"\U0001F600\":5}");
}

TEST(Action, WhatTheOperatorSetsBecomesValidUtf8) {
  Action action;
  action.set_target("a\xFFz");
  ASSERT_TRUE(action.prepare("n\xC3", kNow, kNow));
  EXPECT_THAT(action.signed_text(), HasSubstr("name=n\uFFFD;target=a\uFFFDz;"));
  EXPECT_EQ(parsed(action.document({})).signed_text(), action.signed_text());
}

TEST(Action, WantCompressedCompressesTheCanonicalParametersOnce) {
  auto action = parsed(R"({"operations":[
    {"module":"a","parameters":{"b":[1.0,"<"],"a":null},"want_compressed":true},
    {"module":"b","parameters":"H4sI","want_compressed":true,"is_compressed":true},
    {"module":"c","want_compressed":true},
    {"module":"d","parameters":5}]})");
  ASSERT_TRUE(action.prepare("n", kNow, kNow + 5min));
  const auto& operations = action.operations().value();
  // A server verifies the bytes it is sent and an agent decompresses them: any valid gzip will do, so what is compared
  // is the content. Go's compressor and zlib choose different bytes for it.
  const auto content = [&](std::size_t i) {
    const std::string text = nlohmann::json::parse(operations[i].parameters);
    EXPECT_TRUE(operations[i].is_compressed && operations[i].want_compressed);
    return gunzip(unbase64(text));
  };
  EXPECT_EQ(content(0), R"({"a":null,"b":[1,"\u003c"]})");
  EXPECT_EQ(operations[1].parameters, R"("H4sI")");
  EXPECT_EQ(content(2), "null");
  EXPECT_EQ(operations[3].parameters, "5");
  EXPECT_FALSE(operations[3].is_compressed);

  const auto once = action.signed_text();
  ASSERT_TRUE(action.prepare("n", kNow, kNow + 5min));
  EXPECT_EQ(action.signed_text(), once);
}

// Every length modulo 3, and more than one compressed block.
TEST(Action, CompressionSurvivesAnyLength) {
  for (const std::size_t length : {0U, 1U, 2U, 3U, 4U, 50'000U}) {
    auto action =
        parsed(R"({"operations":[{"want_compressed":true,"parameters":")" + std::string(length, 'x') + "\"}]}");
    ASSERT_TRUE(action.prepare("n", kNow, kNow));
    const std::string text = nlohmann::json::parse(action.operations()->at(0).parameters);
    EXPECT_EQ(gunzip(unbase64(text)), '"' + std::string(length, 'x') + '"');
  }
}

TEST(Action, TheDocumentCarriesTheGivenSignaturesOnly) {
  auto action = parsed(R"({"id":7,"pgpsignatures":["stale",null]})");
  EXPECT_EQ(action.id(), 7);
  EXPECT_THAT(action.signatures(), testing::ElementsAre("stale", ""));
  ASSERT_TRUE(action.prepare("n", kNow, kNow));
  const std::string fresh[] = {"a+b/c==", "<"};
  EXPECT_THAT(action.document(fresh), HasSubstr(R"("pgpsignatures":["a+b/c==","\u003c"],"starttime")"));
  EXPECT_THAT(action.document(fresh), HasSubstr(R"({"id":0,)"));
  EXPECT_THAT(action.document({}), HasSubstr(R"("pgpsignatures":null)"));
}

TEST(Action, TheServersDocumentKeepsWhatWasPosted) {
  const auto action = parsed(R"({"name":"n","validfrom":"2026-11-23T08:29:00.00235084Z",
    "expireafter":"2026-11-23T09:30:20.1200+01:00","pgpsignatures":["s"],"syntaxversion":2,"threat":{"ref":"r","type":"t"}})");
  ServerFields server;
  server.id = 28060121891395;
  server.investigators = R"([{"id":1}])";
  server.status = "pending";
  server.start_time = "0009-01-11T11:11:11.000000011Z";
  server.counters = R"({"sent":1})";
  EXPECT_EQ(action.stored_document(server),
            R"({"id":28060121891395,"name":"n","target":"","description":{},"threat":{"ref":"r","type":"t"},)"
            R"("validfrom":"2026-11-23T08:29:00.00235084Z","expireafter":"2026-11-23T09:30:20.12+01:00",)"
            R"("operations":null,"pgpsignatures":["s"],"investigators":[{"id":1}],"status":"pending",)"
            R"("starttime":"0009-01-11T11:11:11.000000011Z","finishtime":"0001-01-01T00:00:00Z",)"
            R"("lastupdatetime":"0001-01-01T00:00:00Z","counters":{"sent":1},"syntaxversion":2})");
  EXPECT_EQ(action.valid_from(), parse_rfc3339("2026-11-23T08:29:00.002Z").value());
  EXPECT_EQ(action.expire_after(), parse_rfc3339("2026-11-23T08:30:20.12Z").value());
}

TEST(Action, TimesAreWrittenAsGoWritesThem) {
  const std::pair<const char*, const char*> cases[] = {
      {"2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05Z"},
      {"2026-01-02T03:04:05.120+00:00", "2026-01-02T03:04:05.12Z"},
      {"2026-01-02T03:04:05.1234567899-02:30", "2026-01-02T03:04:05.123456789-02:30"},
      {"2026-01-02T03:04:50Z", "2026-01-02T03:04:50Z"}};
  for (const auto& [written, wanted] : cases)
    EXPECT_EQ(parsed(R"({"validfrom":")" + std::string(written) + "\"}").valid_from_text(), wanted);
}

struct Refused {
  const char* json;
  const char* where;
  const char* what;
};

TEST(Action, ErrorsSayWhereAndWhatWouldBeRight) {
  const Refused cases[] = {
      {"", "1:1", "a value belongs here, not the end of the text"},
      {"\xEF\xBB\xBF{}", "1:1", "byte order mark"},
      {"{\n \"target\": \"é\", x}", "2:17", "a field's name in double quotes belongs here, not 'x'"},
      {"{\"a\":1,}", "1:8", "no comma may follow the last field"},
      {"{\"a\":[1,]}", "1:9", "no comma may follow the last item"},
      {"{\"a\":[1 2]}", "1:9", "a comma or ] belongs here"},
      {"{\"a\":1 \"b\":2}", "1:8", "a comma or } belongs here, after a field, not '\"'"},
      {"{\"a\" 1}", "1:6", "a colon belongs here"},
      {"{\"a\":tru}", "1:6", "a value belongs here: text in double quotes"},
      {"{\"a\":01}", "1:7", "may not begin with 0"},
      {"{\"a\":1.}", "1:8", "a digit belongs here, not '}'"},
      {"{\"a\":1e}", "1:8", "a digit belongs here"},
      {"{\"a\":-}", "1:7", "a digit belongs here"},
      {"{\"a\":+1}", "1:6", "a value belongs here, not '+'"},
      {"{'a':1}", "1:2", "a field's name in double quotes belongs here"},
      {"{\"a\":\"b\nc\"}", "1:8", "control character 0x0a has to be escaped"},
      {"{\"a\":\"\\x\"}", "1:8", "before 'x' it stands for nothing"},
      {"{\"a\":\"\\u12g4\"}", "1:8", "four hexadecimal digits"},
      {"{\"a\":\"b", "1:8", "a double quote is missing"},
      {"{\"a\":\"b\\", "1:9", "before the end of the text it"},
      {"{\"a\":1", "1:7", "not the end of the text"},
      {"{} {}", "1:4", "nothing may follow it"},
      {"[]", "1:1", "an action has to be an object, not a list"},
      {"{\"target\":\n5}", "2:1", "target has to be text in double quotes, not a number"},
      {"{\"operations\":{}}", "1:15", "operations has to be a list, not an object"},
      {"{\"operations\":[5]}", "1:16", "an operation has to be an object"},
      {"{\"operations\":[{\"module\":1}]}", "1:26", "module has to be text"},
      {"{\"operations\":[{\"want_compressed\":\"true\"}]}", "1:35", "has to be true or false, not a text"},
      {"{\"description\":\"x\"}", "1:16", "description has to be an object"},
      {"{\"description\":{\"revision\":\"1\"}}", "1:28", "description.revision has to be a number"},
      {"{\"threat\":{\"level\":1}}", "1:20", "threat.level has to be text"},
      {"{\"validfrom\":\"yesterday\"}", "1:14", "2026-11-23T08:00:00Z"},
      {"{\"pgpsignatures\":[1]}", "1:19", "a signature has to be text"},
      {"{\"id\":1.5}", "1:7", "whole number"},
      {"{\"id\":1e300}", "1:7", "whole number"},
      {"{\"syntaxversion\":70000}", "1:18", "from 0 to 65535"},
      {"{\"syntaxversion\":2.0}", "1:18", "from 0 to 65535"},
  };
  for (const auto& [json, where, what] : cases) {
    const auto action = Action::parse(json);
    ASSERT_FALSE(action) << json;
    EXPECT_EQ(action.error().where, where) << json << ": " << action.error().what;
    EXPECT_THAT(action.error().what, HasSubstr(what)) << json;
  }
}

TEST(Action, NestingIsLimited) {
  const auto nested = [](std::size_t levels) {
    return R"({"operations":[{"parameters":)" + std::string(levels, '[') + std::string(levels, ']') + "}]}";
  };
  const auto deep = Action::parse(nested(990));
  ASSERT_TRUE(deep);
  EXPECT_EQ(deep->operations()->at(0).parameters.size(), 1980U);
  const auto too_deep = Action::parse(nested(1'000'000));
  ASSERT_FALSE(too_deep);
  EXPECT_THAT(too_deep.error().what, HasSubstr("nested deeper than 1000 levels"));
}

TEST(Action, CutAtAnyByteItIsAnError) {
  const std::string whole =
      R"({"target":"t\u00e9\ud83d\ude00","operations":[{"module":"file","parameters":{"a":[1.5e3,true,null]}}]})";
  ASSERT_TRUE(Action::parse(whole));
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(Action::parse(std::string_view(whole).substr(0, length))) << length;
}

}  // namespace
}  // namespace mig_runner::mig

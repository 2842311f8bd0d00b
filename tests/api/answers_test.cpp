#include "api/answers.h"

#include <gmock/gmock.h>

namespace mig_runner::api {
namespace {

using testing::ElementsAre;

std::string collection(const std::string& data) {
  return R"({"collection":{"version":"1.0","items":[{"href":"x","data":[)" + data + R"(]}],"error":{}}})";
}

std::string action(const std::string& value) {
  return R"({"name":"action","value":)" + value + "}";
}

Result<std::vector<ListedAction>> actions(std::string body) {
  return read_actions(body);
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

// Go 1.7 and older write floats from 1e6 on so.
TEST(Actions, MayHaveNumbersInExponentForm) {
  const auto listed =
      actions(collection(action(R"({"id": 2.9426359271548e+13 ,"counters":{"sent":1e+06,"done":1.5e1},"x":1})")))
          .value()
          .at(0);
  EXPECT_EQ(listed.action.id, 29426359271548);
  EXPECT_EQ(listed.status.sent, 1'000'000);
  EXPECT_EQ(listed.status.done, 15);
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
        R"({"id":1.5e0})", R"({"id":9.007199254740992e+15})", "null"}) {
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

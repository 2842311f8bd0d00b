// POST action/create/: what is accepted, what is refused with which words, and what is stored all the same.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conformance/subject.h"

namespace mig_runner::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class PostingConformance : public ::testing::Test {
 protected:
  // The answer to a document that `change` has spoilt after it was signed.
  template <class Change>
  std::string refused(Change change) {
    auto document = mig.document({});
    change(document);
    return mig.post(document).text();
  }

  Subject& mig = Subject::get();
};

TEST_F(PostingConformance, AnswersWithTheStoredAction) {
  const auto posted = mig.document({});
  const auto reply = mig.post(posted);
  ASSERT_EQ(reply.status, 202) << reply.body;
  ASSERT_EQ(reply.values().size(), 1U);
  const auto stored = reply.values().front();
  for (const char* field : {"name", "target", "validfrom", "expireafter", "operations", "pgpsignatures"})
    EXPECT_EQ(stored.at(field), posted.at(field)) << field;
  EXPECT_EQ(stored.at("status"), "pending");
  EXPECT_GT(stored.at("id").get<std::int64_t>(), 0);
  EXPECT_LT(stored.at("id").get<double>(), 0x1p53);
  EXPECT_EQ(reply.document().at("items").size(), 1U);
  EXPECT_TRUE(reply.document().at("error").empty());
}

TEST_F(PostingConformance, RefusesBeforeAnythingIsStored) {
  EXPECT_EQ(refused([](json& d) { d["name"] = ""; }), "500 action name is empty");
  EXPECT_EQ(refused([](json& d) { d["target"] = ""; }), "500 action target is empty");
  EXPECT_EQ(refused([](json& d) { d["operations"] = nullptr; }), "500 action operations is empty");
  EXPECT_EQ(refused([](json& d) { d["pgpsignatures"] = json::array(); }), "500 action pgpsignatures is empty");
  EXPECT_EQ(refused([](json& d) { d["expireafter"] = "2020-01-01T00:00:00Z"; }),
            "500 action expireafter is set before action validfrom");
  EXPECT_EQ(refused([](json& d) {
              d["validfrom"] = "2019-01-01T00:00:00Z";
              d["expireafter"] = "2020-01-01T00:00:00Z";
            }),
            "500 action expireafter is in the past");
  EXPECT_THAT(refused([](json& d) { d["syntaxversion"] = 1; }), HasSubstr("syntax version, expected 2"));
  EXPECT_EQ(refused([](json& d) { d["target"] = "name='another'"; }),
            "500 VerifySignatures() -> openpgp: invalid signature: hash tag doesn't match");
  EXPECT_EQ(refused([](json& d) { d["pgpsignatures"][0] = "abc=def"; }),
            "500 VerifySignatures() -> openpgp: invalid data: tag byte does not have MSB set");
  EXPECT_THAT(refused([](json& d) { d["target"] = 5; }), StartsWith("500 json: "));
  EXPECT_EQ(mig.post_text("{nope").text(), "500 invalid character 'n' looking for beginning of object key string");
  EXPECT_EQ(mig.post_text("").text(), "500 unexpected end of JSON input");
}

TEST_F(PostingConformance, LimitsNameTargetAndSignatures) {
  Draft draft;
  draft.name = "mig-runner: conformance " + std::string(2048 - 24, 'n');
  draft.target = "name='" + std::string(2048 - 7, 'x') + "'";
  EXPECT_EQ(draft.name.size(), 2048U);
  EXPECT_EQ(mig.post(mig.document(draft)).status, 202);
  auto longer = draft;
  longer.name += 'n';
  EXPECT_EQ(mig.post(mig.document(longer)).text(),
            "500 Failed to store action: 'pq: value too long for type character varying(2048)'");
  longer = draft;
  longer.target.insert(longer.target.size() - 1, "x");
  EXPECT_EQ(mig.post(mig.document(longer)).text(),
            "500 Failed to store action: 'pq: value too long for type character varying(2048)'");
  // As everywhere in PostgreSQL, blanks at the end that do not fit are cut off.
  longer = draft;
  longer.target += "  ";
  const auto stored = mig.launch(longer);
  EXPECT_EQ(stored.at("target"), longer.target);
  EXPECT_EQ(mig.action(stored.at("id").get<std::int64_t>()).at("target"), draft.target);
  auto many = mig.document({});
  const json signature = many["pgpsignatures"][0];
  while (many["pgpsignatures"].size() * signature.get<std::string>().size() <= 4096)
    many["pgpsignatures"].push_back(signature);
  EXPECT_EQ(mig.post(many).text(), "500 Failed to store action: 'pq: value too long for type character varying(4096)'");
}

// A second signature of the same investigator cannot be stored; the action is, before.
TEST_F(PostingConformance, AnswersAnErrorForAnActionThatItStored) {
  Draft draft;
  draft.name = "mig-runner: conformance, signed twice " +
               format_utc(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
  auto document = mig.document(draft);
  document["pgpsignatures"].push_back(document["pgpsignatures"][0]);
  const auto reply = mig.post(document);
  EXPECT_THAT(reply.text(), StartsWith("500 Failed to store signature: 'pq: duplicate key value"));
  const std::vector<std::string> signatures = document["pgpsignatures"];
  const auto found = mig.client().find_action(
      draft.name,
      std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now() - std::chrono::hours(1)),
      signatures);
  ASSERT_TRUE(found) << found.error().text();
  ASSERT_TRUE(found->has_value());
  mig.note((*found)->id);
}

// A signature whose number is shorter than the modulus is refused: one in 256, where nothing pads them or signs again.
TEST_F(PostingConformance, TakesEverySignatureOfTheRunner) {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  int refusals = 0;
  std::string last;
  for (int i = 0; i < 400; ++i) {
    const auto reply = mig.ask("dashboard", Subject::token_header(now, std::to_string(1000 + i), mig.signer()));
    if (reply.status == 200) continue;
    ++refusals;
    last = reply.text();
  }
  EXPECT_EQ(refusals, 0) << last;
}

}  // namespace
}  // namespace mig_runner::test

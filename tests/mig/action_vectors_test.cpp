#include <gtest/gtest.h>

#include "mig/action.h"
#include "support/vectors.h"

namespace mig_runner::mig {
namespace {

using Json = nlohmann::json;

Timestamp time_of(const Json& vector, const char* field) {
  return parse_rfc3339(vector.at(field).get<std::string>()).value();
}

// The vectors' times are in nanoseconds, a Timestamp is in milliseconds: what is finer is cut off in the wanted text.
std::string in_milliseconds(std::string document, const Json& vector) {
  for (const char* field : {"validfrom", "expireafter"}) {
    const auto text = vector.at(field).get<std::string>();
    const std::string written = "\"" + std::string(field) + "\":\"" + text + "\"";
    const auto at = document.find(written);
    EXPECT_NE(at, std::string::npos) << text;
    document.replace(at, written.size(),
                     "\"" + std::string(field) + "\":\"" + format_utc(time_of(vector, field)) + "\"");
  }
  return document;
}

class ActionVectors : public testing::Test {
 protected:
  static void SetUpTestSuite() { vectors_ = new Json(test::load_vectors("action_canonical.json")); }
  static void TearDownTestSuite() { delete vectors_; }

  template <class Check>
  void for_each(Check check) {
    ASSERT_EQ(vectors_->size(), 174U);
    for (std::size_t i = 0; i < vectors_->size(); ++i) {
      const Json& vector = (*vectors_)[i];
      SCOPED_TRACE("vector " + std::to_string(i) + ": " + vector.at("input").get<std::string>());
      check(vector, vector.contains("error"));
    }
  }

 private:
  static inline Json* vectors_ = nullptr;
};

TEST_F(ActionVectors, InputsGiveTheSignedTextAndThePostedDocument) {
  for_each([](const Json& vector, bool refused) {
    auto action = Action::parse(vector.at("input").get<std::string>());
    ASSERT_EQ(action.has_value(), !refused) << (action ? "" : action.error().text());
    if (refused) return;
    ASSERT_TRUE(action->prepare(vector.at("name"), time_of(vector, "validfrom"), time_of(vector, "expireafter")));
    EXPECT_EQ(action->signed_text(), vector.at("signed").get<std::string>());
    // The vectors show documents that are not signed yet: what the file had as signatures is still there.
    EXPECT_EQ(action->document(action->signatures()), in_milliseconds(vector.at("posted"), vector));
  });
}

// What a server does: it decodes the posted document, and builds the signed text and its answer from that.
TEST_F(ActionVectors, PostedDocumentsReadBackToTheNanosecond) {
  for_each([](const Json& vector, bool refused) {
    if (refused) return;
    const auto action = Action::parse(vector.at("posted").get<std::string>());
    ASSERT_TRUE(action) << action.error().text();
    EXPECT_EQ(action->signed_text(), vector.at("signed").get<std::string>());
    EXPECT_EQ(action->stored_document(ServerFields{}), vector.at("posted").get<std::string>());
    EXPECT_EQ(action->valid_from(), time_of(vector, "validfrom"));
    EXPECT_EQ(action->expire_after_text(), vector.at("expireafter").get<std::string>());
  });
}

TEST_F(ActionVectors, ErrorsSayWhere) {
  for_each([](const Json& vector, bool refused) {
    if (!refused) return;
    const auto action = Action::parse(vector.at("input").get<std::string>());
    ASSERT_FALSE(action);
    EXPECT_FALSE(action.error().what.empty());
    EXPECT_TRUE(action.error().where.starts_with("1:")) << action.error().where;
  });
}

}  // namespace
}  // namespace mig_runner::mig

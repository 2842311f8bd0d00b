#include <gtest/gtest.h>

#include <map>

#include "mig/action.h"
#include "sign/verifier.h"
#include "support/scratch_directory.h"
#include "support/vectors.h"

namespace mig_runner::sign {
namespace {

using Json = nlohmann::json;

Verifier investigator() {
  return Verifier::from_public_key(test::read_text(MIG_TEST_DATA "/vectors/api_transcript_investigator.asc")).value();
}

std::string form_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

// Every value of a field of this name, at any depth.
void collect(const Json& json, const std::string& name, std::vector<Json>& found) {
  if (json.is_object() && json.contains(name)) found.push_back(json.at(name));
  for (const auto& child : json) {
    if (child.is_structured()) collect(child, name, found);
  }
}

// One signature made here, by the original, is enough to tell that the verifier's own form is right.
TEST(Transcript, PostedActionsAreSignedOverTheirText) {
  const auto verifier = investigator();
  EXPECT_EQ(verifier.fingerprint(), "6A71C8A855A466B73AFA6D72DDA6326D8BFA2765");
  int count = 0;
  for (const auto& exchange : test::load_vectors("api_transcript.json")) {
    const std::string body = exchange.at("request_body");
    if (exchange.at("method") != "POST" || exchange.at("status") != 202) continue;
    ASSERT_TRUE(body.starts_with("action="));
    const std::string document = form_decoded(body.substr(7));
    const auto action = mig::Action::parse(document);
    ASSERT_TRUE(action) << action.error().text();
    ASSERT_EQ(action->signatures().size(), 1U);
    const auto verified = verifier.verify(action->signed_text(), action->signatures()[0]);
    EXPECT_TRUE(verified) << verified.error().text();
    EXPECT_FALSE(verifier.verify(action->signed_text() + " ", action->signatures()[0]));
    EXPECT_EQ(action->document(action->signatures()), document);

    const auto answer = Json::parse(exchange.at("response_body").get<std::string>());
    const auto& stored = answer.at("collection").at("items")[0].at("data")[0].at("value");
    mig::ServerFields server;
    server.id = stored.at("id");
    server.status = "pending";
    server.start_time = server.last_update_time = "0009-01-11T11:11:11.000000011Z";
    server.finish_time = "9998-01-11T11:11:11.000000011Z";
    EXPECT_NE(exchange.at("response_body").get<std::string>().find(action->stored_document(server)), std::string::npos);
    ++count;
  }
  EXPECT_EQ(count, 4);
}

// The database cuts times to microseconds and sorts nothing: what it gives back still fits the signature.
TEST(Transcript, StoredActionsStillFitTheirSignature) {
  const auto verifier = investigator();
  int count = 0;
  for (const auto& exchange : test::load_vectors("api_transcript.json")) {
    const auto answer = Json::parse(exchange.at("response_body").get<std::string>(), nullptr, false);
    std::vector<Json> values;
    collect(answer, "value", values);
    for (const auto& value : values) {
      if (!value.is_object()) continue;
      const Json& stored = value.contains("action") ? value.at("action") : value;
      if (!stored.is_object() || !stored.contains("pgpsignatures")) continue;
      const auto action = mig::Action::parse(stored.dump());
      ASSERT_TRUE(action) << action.error().text();
      ASSERT_EQ(action->signatures().size(), 1U);
      const auto verified = verifier.verify(action->signed_text(), action->signatures()[0]);
      EXPECT_TRUE(verified) << verified.error().text() << stored;
      ++count;
    }
  }
  EXPECT_GT(count, 5);
}

TEST(Transcript, TokensAreSigned) {
  const auto verifier = investigator();
  std::map<std::string, bool> tokens;
  for (const auto& exchange : test::load_vectors("api_transcript.json")) {
    for (const auto& [name, value] : exchange.at("request_headers").items()) {
      const std::string token = value;
      if (!token.starts_with("1;")) continue;
      const auto signature_begin = token.rfind(';') + 1;
      const std::string text = token.substr(0, signature_begin - 1) + "\n";
      const auto verified = verifier.verify(text, token.substr(signature_begin));
      tokens[token] = verified.has_value();
      if (token.ends_with(";abc=def")) {
        EXPECT_EQ(exchange.at("status"), 401);
        EXPECT_FALSE(verified);
      } else {
        EXPECT_TRUE(verified) << token << verified.error().text();
      }
    }
  }
  EXPECT_GT(tokens.size(), 5U);
}

TEST(Verifier, RefusesWhatIsNoKey) {
  const auto key = test::read_text(MIG_TEST_DATA "/vectors/api_transcript_investigator.asc");
  EXPECT_FALSE(Verifier::from_public_key(""));
  EXPECT_FALSE(Verifier::from_public_key("not a key"));
  EXPECT_FALSE(Verifier::from_public_key(key.substr(0, key.size() / 2)));
}

TEST(Verifier, RefusesWhatIsNoSignature) {
  const auto verifier = investigator();
  const auto exchange = test::load_vectors("api_transcript.json")[0];
  const std::string token = exchange.at("request_headers").at("X-Pgpauthorization");
  const auto begin = token.rfind(';') + 1;
  const std::string text = token.substr(0, begin - 1) + "\n";
  const std::string signature = token.substr(begin);
  ASSERT_TRUE(verifier.verify(text, signature));
  for (std::size_t length = 0; length < signature.size(); ++length)
    ASSERT_FALSE(verifier.verify(text, signature.substr(0, length))) << length;
  for (std::size_t i = 0; i < signature.size(); ++i) {
    auto damaged = signature;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    ASSERT_FALSE(verifier.verify(text, damaged)) << i;
  }
  EXPECT_FALSE(verifier.verify(text, ""));
  EXPECT_FALSE(verifier.verify(text, "abc=def"));
  EXPECT_FALSE(verifier.verify(text, "===== ====="));
  EXPECT_FALSE(verifier.verify(text, "AAAA=AAAA"));
  EXPECT_FALSE(verifier.verify("", signature));
}

}  // namespace
}  // namespace mig_runner::sign

#include "api/token_source.h"

#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "api/counting_signer.h"
#include "support/manual_clock.h"

namespace mig_runner::api {
namespace {

using namespace std::chrono_literals;
using test::CountingSigner;

class BrokenSigner final : public sign::Signer {
 public:
  Result<std::string> sign(std::string_view) override { return fail("the key is gone"); }
};

class TokenSourceTest : public testing::Test {
 protected:
  test::ManualClock clock{parse_rfc3339("2026-11-23T08:00:00.999Z").value()};
  std::atomic<int> count = 0;
  CountingSigner signer{count};
  TokenSource tokens{clock};
};

TEST_F(TokenSourceTest, SignsTheTimeInWholeSecondsAndANonce) {
  const auto header = tokens.header(signer).value();
  EXPECT_THAT(header, testing::MatchesRegex("X-PGPAUTHORIZATION: 1;2026-11-23T08:00:00Z;[0-9]+;SIG1"));
  const auto token = header.substr(20, header.rfind(';') - 20);
  EXPECT_EQ(signer.signed_text, token + "\n");
}

TEST_F(TokenSourceTest, NoncesDifferAndFitIntoAFloat) {
  std::set<std::string> nonces;
  for (int i = 0; i < 1000; ++i) {
    const auto header = tokens.header(signer).value();
    const auto begin = header.find("Z;") + 2;
    const auto nonce = header.substr(begin, header.rfind(';') - begin);
    EXPECT_LT(std::stoull(nonce), 1ULL << 53U);
    nonces.insert(nonce);
    tokens.reject(header);
  }
  EXPECT_EQ(nonces.size(), 1000U);
}

TEST_F(TokenSourceTest, IsReusedForFiveMinutes) {
  const auto first = tokens.header(signer).value();
  clock.advance(5min - 1ms);
  EXPECT_EQ(tokens.header(signer).value(), first);
  clock.advance(1ms);
  const auto second = tokens.header(signer).value();
  EXPECT_NE(second, first);
  clock.advance(-1ms);  // a token from the future is no token
  EXPECT_NE(tokens.header(signer).value(), second);
  clock.advance(24h * 366);
  EXPECT_THAT(tokens.header(signer).value(), testing::HasSubstr("2027-11-24T08:05:00Z"));
}

TEST_F(TokenSourceTest, OnlyTheTokenThatWasRejectedIsReplaced) {
  const auto first = tokens.header(signer).value();
  tokens.reject(first);
  const auto second = tokens.header(signer).value();
  EXPECT_NE(second, first);
  tokens.reject(first);  // another thread comes late with the old one
  EXPECT_EQ(tokens.header(signer).value(), second);
}

TEST_F(TokenSourceTest, AnApiKeyIsSentAsItIs) {
  TokenSource keyed("secret");
  const auto header = keyed.header(signer).value();
  EXPECT_EQ(header, "X-MIGAPIKEY: secret");
  keyed.reject(header);
  EXPECT_EQ(keyed.header(signer).value(), header);
  EXPECT_EQ(count, 0);
}

TEST_F(TokenSourceTest, AFailedSignatureIsPassedOnAndNotKept) {
  BrokenSigner broken;
  EXPECT_EQ(tokens.header(broken).error().what, "the key is gone");
  EXPECT_TRUE(tokens.header(signer));
  EXPECT_TRUE(tokens.header(broken)) << "the shared token needs no signature";
}

TEST_F(TokenSourceTest, ThreadsShareOneToken) {
  std::vector<std::string> seen(8);
  {
    std::vector<std::jthread> threads;
    for (auto& header : seen)
      threads.emplace_back([&] {
        CountingSigner own(count);
        for (int i = 0; i < 100; ++i) header = tokens.header(own).value();
      });
  }
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 1U);
  EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace mig_runner::api

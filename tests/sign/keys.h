#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "base/hex.h"
#include "sign/gpg_home.h"
#include "sign/signer.h"
#include "sign/stripped_armor.h"
#include "sign/verifier.h"

// What the tests of keys share.
namespace mig_runner::sign::test {

using mig_runner::test::GpgHome;
using mig_runner::test::ScratchDirectory;

inline constexpr std::string_view kText = "1;2026-11-23T08:30:00Z;28060169076738\n";

// Keys are made by gpg, with the system's clock.
inline Timestamp now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

inline Result<Key> load(const std::filesystem::path& home, const std::string& fingerprint,
                        const std::string& passphrase = "", Timestamp at = now()) {
  return Key::load(home, fingerprint, Secret(passphrase), at);
}

inline std::string key_error(const Result<Key>& key) {
  return key ? "no error" : key.error().text();
}

inline std::string signature_of(const Key& key, std::string_view text = kText) {
  return key.make_signer().value()->sign(text).value();
}

// The key id that a signature names, at its fixed place in the form that is made here.
inline std::string issuer(const std::string& signature) {
  return upper_hex(unstrip_armor(signature).value().substr(17, 8));
}

inline std::string key_id(const std::string& fingerprint) {
  return fingerprint.substr(24);
}

// gpg throws where it finds the signature bad, and so does the room's own verifier.
inline void expect_verifies(const GpgHome& home, const std::string& fingerprint, const std::string& signature,
                            std::string_view text = kText) {
  const ScratchDirectory scratch;
  mig_runner::test::write_text(scratch.path() / "text", text);
  mig_runner::test::write_text(scratch.path() / "signature", unstrip_armor(signature).value());
  EXPECT_NO_THROW(home.gpg("--verify " + (scratch.path() / "signature").string() + " " +
                           (scratch.path() / "text").string() + " 2>/dev/null"));
  const auto verifier = Verifier::from_public_key(home.gpg("--export --armor " + fingerprint));
  ASSERT_TRUE(verifier) << verifier.error().text();
  EXPECT_EQ(verifier->fingerprint(), fingerprint);
  const auto verified = verifier->verify(text, signature);
  EXPECT_TRUE(verified) << verified.error().text();
  EXPECT_FALSE(verifier->verify(std::string(text) + "x", signature));
}

}  // namespace mig_runner::sign::test

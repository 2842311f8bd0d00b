#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <thread>

#include "sign/keys.h"

namespace mig_runner::sign {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

TEST(Key, SecringWithoutProtection) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key();
  const ScratchDirectory home;
  gpg.export_secring(home.path());
  const auto key = load(home.path(), fingerprint);
  ASSERT_TRUE(key) << key_error(key);
  EXPECT_EQ(key->fingerprint(), fingerprint);
  EXPECT_THAT(key->warnings(), IsEmpty());
  const auto signature = signature_of(*key);
  EXPECT_EQ(issuer(signature), key_id(fingerprint));
  EXPECT_EQ(signature.find_first_of("\r\n -"), std::string::npos);
  expect_verifies(gpg, fingerprint, signature);
  EXPECT_TRUE(load(home.path(), fingerprint, "not needed"));
}

// One number in 256 begins with a zero byte, and OpenPGP leaves that out: what is left, servers refuse.
TEST(Key, EverySignatureIsAsLongAsTheModulus) {
  constexpr std::size_t kModulus = 256;
  constexpr std::size_t kOrdinary = 31;  // what comes before the number
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key();
  const auto key = load(gpg.path(), fingerprint);
  ASSERT_TRUE(key) << key_error(key);
  const auto verifier = Verifier::from_public_key(gpg.gpg("--export " + fingerprint)).value();
  const auto signer = key->make_signer().value();
  std::vector<std::pair<std::string, std::string>> made_again;  // text and signature
  for (int i = 0; i < 4000; ++i) {
    const auto signature = signer->sign(std::to_string(i)).value();
    const std::string packet = unstrip_armor(signature).value();
    const std::string end = packet.substr(packet.size() - std::min(kModulus + 2, packet.size()));
    const auto byte = [&](std::size_t at) { return static_cast<unsigned>(static_cast<unsigned char>(end[at])); };
    const auto bits = static_cast<unsigned>(std::bit_width(byte(2))) + (kModulus - 1) * 8;
    ASSERT_EQ(byte(0) << 8U | byte(1), bits) << i << ": the number of " << packet.size() << " bytes is shorter";
    const bool ordinary = packet.size() == kOrdinary + kModulus;
    EXPECT_TRUE((ordinary && i % 100 != 0) || verifier.verify(std::to_string(i), signature)) << i;
    if (!ordinary) made_again.emplace_back(std::to_string(i), signature);
  }
  ASSERT_FALSE(made_again.empty()) << "of 4000 signatures none was made again";
  EXPECT_LT(made_again.size(), 50U);
  EXPECT_EQ(issuer(made_again[0].second), key_id(fingerprint));
  expect_verifies(gpg, fingerprint, made_again[0].second, made_again[0].first);
}

TEST(Key, FingerprintsAreFortyDigitsInAnyCase) {
  const GpgHome gpg;
  auto fingerprint = gpg.make_key();
  const ScratchDirectory home;
  gpg.export_secring(home.path());
  for (const auto& wrong :
       {std::string(), fingerprint.substr(24), "0x" + fingerprint, fingerprint + " ", "g" + fingerprint.substr(1)})
    EXPECT_THAT(key_error(load(home.path(), wrong)), HasSubstr("40 hexadecimal digits are needed")) << wrong;
  for (auto& c : fingerprint) c = static_cast<char>(std::tolower(c));
  EXPECT_TRUE(load(home.path(), fingerprint));
}

TEST(Key, SecringWithPassphrase) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key("rsa2048", "open sesame");
  const ScratchDirectory home;
  gpg.export_secring(home.path(), "open sesame");
  const auto key = load(home.path(), fingerprint, "open sesame");
  ASSERT_TRUE(key) << key_error(key);
  expect_verifies(gpg, fingerprint, signature_of(*key));
  EXPECT_EQ(key_error(load(home.path(), fingerprint, "open barley")), home.path().string() + ": wrong passphrase");
  EXPECT_THAT(key_error(load(home.path(), fingerprint)), HasSubstr("needs a passphrase, and none is given"));
}

TEST(Key, GnuPg2HomeWithoutProtection) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key();
  const auto key = load(gpg.path(), fingerprint);
  ASSERT_TRUE(key) << key_error(key);
  expect_verifies(gpg, fingerprint, signature_of(*key));
}

// Fault 10 of the original: keys had to be exported to secring.gpg.
TEST(Key, Fault10GnuPg2HomeWithPassphrase) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key("rsa2048", "open sesame");
  EXPECT_EQ(key_error(load(gpg.path(), fingerprint, "open barley")), gpg.path().string() + ": wrong passphrase");
  EXPECT_THAT(key_error(load(gpg.path(), fingerprint)), HasSubstr("needs a passphrase, and none is given"));
  const auto key = load(gpg.path(), fingerprint, "open sesame");
  ASSERT_TRUE(key) << key_error(key);
  expect_verifies(gpg, fingerprint, signature_of(*key));
}

TEST(Key, AnEmptyOrOlderSecringDoesNotHideGnuPg2) {
  const GpgHome gpg;
  const auto older = gpg.make_key();
  gpg.export_secring(gpg.path());
  const auto newer = gpg.make_key();
  EXPECT_TRUE(load(gpg.path(), older));
  EXPECT_TRUE(load(gpg.path(), newer));
  mig_runner::test::write_text(gpg.path() / "secring.gpg", "");
  EXPECT_TRUE(load(gpg.path(), older));
}

// A gpg in front of the real one notes all that it is told.
TEST(Key, ThePassphraseIsOnNoCommandLineAndInNoEnvironment) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key("rsa2048", "open sesame");
  const ScratchDirectory scratch;
  const auto notes = scratch.path() / "notes";
  const std::string path = std::getenv("PATH");
  mig_runner::test::write_text(scratch.path() / "gpg", "#!/bin/sh\n{ echo \"$@\"; env; } >> '" + notes.string() +
                                                           "'\nPATH='" + path + "' exec gpg \"$@\"\n");
  std::filesystem::permissions(scratch.path() / "gpg", std::filesystem::perms::owner_all);
  setenv("PATH", (scratch.path().string() + ":" + path).c_str(), 1);
  setenv("MIGPGPPASSPHRASE", "open sesame", 1);
  const auto key = load(gpg.path(), fingerprint, "open sesame");
  setenv("PATH", path.c_str(), 1);
  unsetenv("MIGPGPPASSPHRASE");
  EXPECT_TRUE(key) << key_error(key);
  EXPECT_THAT(mig_runner::test::read_text(notes), HasSubstr("--export-secret-keys " + fingerprint));
  EXPECT_EQ(mig_runner::test::read_text(notes).find("sesame"), std::string::npos);
}

TEST(Key, WithoutGpgItSaysWhatIsMissing) {
  const ScratchDirectory home;
  std::filesystem::create_directory(home.path() / "private-keys-v1.d");
  const std::string path = std::getenv("PATH");
  setenv("PATH", home.path().c_str(), 1);
  const auto key = load(home.path(), std::string(40, 'A'));
  setenv("PATH", path.c_str(), 1);
  EXPECT_THAT(key_error(key), HasSubstr("gpg is needed to read the keys of GnuPG 2, and is not installed"));
}

TEST(Key, AmongSeveralKeysTheNamedOneSigns) {
  const GpgHome gpg;
  const auto first = gpg.make_key();
  const auto second = gpg.make_key();
  const auto third = gpg.make_key();
  const ScratchDirectory home;
  gpg.export_secring(home.path());
  const auto key = load(home.path(), second);
  ASSERT_TRUE(key) << key_error(key);
  EXPECT_EQ(issuer(signature_of(*key)), key_id(second));
  expect_verifies(gpg, second, signature_of(*key));

  const std::string unknown(40, 'A');
  for (const auto& place : {home.path(), gpg.path()}) {
    const auto error = key_error(load(place, unknown));
    EXPECT_THAT(error, HasSubstr("no private key with the fingerprint " + unknown + "; there are "));
    for (const auto& present : {first, second, third}) EXPECT_THAT(error, HasSubstr(present));
  }
}

class SigningSubkey : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Key, SigningSubkey, testing::Values("", "open sesame"),
                         [](const auto& suite) { return suite.param.empty() ? "NotProtected" : "Protected"; });

TEST_P(SigningSubkey, Signs) {
  const std::string passphrase = GetParam();
  const GpgHome gpg;
  const auto primary = gpg.make_key("rsa2048", passphrase);
  gpg.add_subkey(primary, "rsa2048", passphrase, "encrypt");
  const auto subkey = gpg.add_subkey(primary, "rsa2048", passphrase);
  const ScratchDirectory home;
  gpg.export_secring(home.path(), passphrase);
  for (const auto& place : {home.path(), gpg.path()}) {
    const auto key = load(place, primary, passphrase);
    ASSERT_TRUE(key) << key_error(key);
    EXPECT_EQ(key->fingerprint(), primary);
    EXPECT_EQ(issuer(signature_of(*key)), key_id(subkey));
    expect_verifies(gpg, primary, signature_of(*key));
  }
  EXPECT_THAT(key_error(load(home.path(), subkey, passphrase)),
              HasSubstr(subkey + " is a subkey: the fingerprint of its primary key is needed, " + primary));
}

TEST(Key, APrimaryKeyThatLiesElsewhereIsNotNeeded) {
  const GpgHome gpg;
  const auto primary = gpg.make_key("rsa2048", "open sesame", "cert");
  const auto subkey = gpg.add_subkey(primary, "rsa2048", "open sesame");
  const ScratchDirectory home;
  gpg.export_secring(home.path(), "open sesame", "--export-secret-subkeys");
  const auto key = load(home.path(), primary, "open sesame");
  ASSERT_TRUE(key) << key_error(key);
  EXPECT_EQ(issuer(signature_of(*key)), key_id(subkey));
  expect_verifies(gpg, primary, signature_of(*key));
  EXPECT_THAT(key_error(load(home.path(), primary, "wrong")), HasSubstr("wrong passphrase"));
}

TEST(Key, WithoutAnySecretPartThatSignsItSaysSo) {
  const GpgHome gpg;
  const auto primary = gpg.make_key();
  gpg.add_subkey(primary, "rsa2048", "", "encrypt");
  const ScratchDirectory home;
  gpg.export_secring(home.path(), "", "--export-secret-subkeys");
  EXPECT_THAT(key_error(load(home.path(), primary)),
              HasSubstr("the key " + primary + " cannot sign; its own secret part is elsewhere"));
}

TEST(Key, ExpiryIsToldWithItsDateAndAheadOfTime) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key("rsa2048", "", "sign", "40d");
  const ScratchDirectory home;
  gpg.export_secring(home.path());
  const auto date = format_utc(now() + std::chrono::days(40)).substr(0, 10);
  const auto today = load(home.path(), fingerprint);
  ASSERT_TRUE(today) << key_error(today);
  EXPECT_THAT(today->warnings(), IsEmpty());
  const auto later = load(home.path(), fingerprint, "", now() + std::chrono::days(20));
  ASSERT_TRUE(later) << key_error(later);
  EXPECT_THAT(later->warnings(), ElementsAre("the signing key expires on " + date));
  EXPECT_THAT(key_error(load(home.path(), fingerprint, "", now() + std::chrono::days(41))),
              HasSubstr("the key " + fingerprint + " expired on " + date));
}

TEST(Key, AnExpiredSubkeyGivesWayToThePrimaryKeyWhereThatMaySign) {
  const GpgHome gpg;
  const ScratchDirectory home;
  const auto primary = gpg.make_key();
  gpg.add_subkey(primary, "rsa2048", "", "sign", "10d");
  const auto certify_only = gpg.make_key("rsa2048", "", "cert");
  const auto subkey = gpg.add_subkey(certify_only, "rsa2048", "", "sign", "10d");
  gpg.export_secring(home.path());
  const auto later = now() + std::chrono::days(11);
  const auto key = load(home.path(), primary, "", later);
  ASSERT_TRUE(key) << key_error(key);
  EXPECT_EQ(issuer(signature_of(*key)), key_id(primary));
  EXPECT_THAT(key_error(load(home.path(), certify_only, "", later)),
              HasSubstr("cannot sign; its signing subkey " + subkey + " expired on "));
}

TEST(Key, RevokedKeysAreRefused) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key();
  // gpg keeps a colon in front of the certificate, so that it is not used by accident.
  auto certificate = mig_runner::test::read_text(gpg.path() / "openpgp-revocs.d" / (fingerprint + ".rev"));
  certificate.erase(certificate.find(":-----BEGIN"), 1);
  mig_runner::test::write_text(gpg.path() / "revoke.asc", certificate);
  gpg.gpg("--import " + (gpg.path() / "revoke.asc").string());
  const ScratchDirectory home;
  gpg.export_secring(home.path());
  EXPECT_THAT(key_error(load(home.path(), fingerprint)), HasSubstr("the key " + fingerprint + " is revoked"));
}

TEST(Key, RevokedSubkeysDoNotSign) {
  const GpgHome gpg;
  const auto may_sign = gpg.make_key();
  const auto may_not = gpg.make_key("rsa2048", "", "cert");
  std::string subkey;
  for (const auto& primary : {may_sign, may_not}) {
    subkey = gpg.add_subkey(primary);
    gpg.revoke_subkey(primary);
  }
  const ScratchDirectory home;
  gpg.export_secring(home.path());
  const auto key = load(home.path(), may_sign);
  ASSERT_TRUE(key) << key_error(key);
  EXPECT_EQ(issuer(signature_of(*key)), key_id(may_sign));
  EXPECT_THAT(key_error(load(home.path(), may_not)), HasSubstr("its signing subkey " + subkey + " is revoked"));
}

TEST(Key, KindsThatTheServerCannotReadAreRefused) {
  const GpgHome gpg;
  const ScratchDirectory home;
  const auto eddsa = gpg.make_key("ed25519");
  const auto brainpool = gpg.make_key("brainpoolP256r1");
  gpg.export_secring(home.path());
  for (const auto& place : {home.path(), gpg.path()}) {
    EXPECT_THAT(key_error(load(place, eddsa)),
                HasSubstr("the key " + eddsa +
                          " is of the kind EdDSA (Ed25519), which the server cannot read: it knows "
                          "RSA, DSA, and ECDSA over NIST's curves"));
    EXPECT_THAT(key_error(load(place, brainpool)), HasSubstr("is of the kind ECDSA (brainpoolP256r1), which"));
  }
}

class OtherKind : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Key, OtherKind, testing::Values("dsa2048", "nistp256", "nistp384", "nistp521"),
                         [](const auto& suite) { return suite.param; });

TEST_P(OtherKind, Signs) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key(GetParam(), "open sesame");
  const ScratchDirectory home;
  gpg.export_secring(home.path(), "open sesame");
  for (const auto& place : {home.path(), gpg.path()}) {
    const auto key = load(place, fingerprint, "open sesame");
    ASSERT_TRUE(key) << key_error(key);
    EXPECT_THAT(key->warnings(), IsEmpty());
    const auto signature = signature_of(*key);
    EXPECT_EQ(signature.find_first_of("\r\n -"), std::string::npos);
    expect_verifies(gpg, fingerprint, signature);
    EXPECT_THAT(key_error(load(place, fingerprint, "open barley")), HasSubstr("wrong passphrase"));
  }
}

TEST(Key, SubkeysOfOneKindSignForPrimaryKeysOfAnother) {
  const GpgHome gpg;
  const auto dsa = gpg.make_key("dsa2048");
  const auto rsa_subkey = gpg.add_subkey(dsa);
  const auto rsa = gpg.make_key();
  const auto ecdsa_subkey = gpg.add_subkey(rsa, "nistp256/ecdsa");
  const auto key = load(gpg.path(), dsa);
  ASSERT_TRUE(key) << key_error(key);
  EXPECT_EQ(issuer(signature_of(*key)), key_id(rsa_subkey));
  expect_verifies(gpg, dsa, signature_of(*key));
  const auto other = load(gpg.path(), rsa);
  ASSERT_TRUE(other) << key_error(other);
  expect_verifies(gpg, rsa, signature_of(*other));
  EXPECT_THAT(upper_hex(unstrip_armor(signature_of(*other)).value()), HasSubstr(ecdsa_subkey));
}

TEST(Key, SubkeysThatTheServerCannotReadAreWarnedOf) {
  const GpgHome gpg;
  const auto primary = gpg.make_key();
  const auto eddsa = gpg.add_subkey(primary, "ed25519");
  const auto ecdh = gpg.add_subkey(primary, "cv25519", "", "encrypt");
  const ScratchDirectory home;
  gpg.export_secring(home.path());
  const auto key = load(home.path(), primary);
  ASSERT_TRUE(key) << key_error(key);
  EXPECT_EQ(issuer(signature_of(*key)), key_id(primary));
  EXPECT_THAT(key->warnings(), ElementsAre(HasSubstr("the subkey " + eddsa + " is of the kind EdDSA (Ed25519)"),
                                           HasSubstr("the subkey " + ecdh + " is of the kind ECDH (Curve25519)")));
}

TEST(Key, SelfSignaturesOverSha1AreAccepted) {
  const GpgHome gpg;
  const auto fingerprint = [&] {
    gpg.gpg("--cert-digest-algo SHA1 --passphrase '' --quick-gen-key 'old <u@localhost>' rsa2048 sign never");
    return gpg.fingerprints().front();
  }();
  ASSERT_THAT(gpg.gpg("--export " + fingerprint + " | gpg --list-packets"), HasSubstr("digest algo 2,"));
  const ScratchDirectory home;
  gpg.export_secring(home.path());
  const auto key = load(home.path(), fingerprint);
  ASSERT_TRUE(key) << key_error(key);
  expect_verifies(gpg, fingerprint, signature_of(*key));
}

TEST(Key, OtherSizesOfRsa) {
  const GpgHome gpg;
  const auto small = gpg.make_key("rsa1024");
  const auto large = gpg.make_key("rsa4096");
  const ScratchDirectory home;
  gpg.export_secring(home.path());
  const auto key = load(home.path(), large);
  ASSERT_TRUE(key) << key_error(key);
  EXPECT_THAT(key->warnings(), IsEmpty());
  expect_verifies(gpg, large, signature_of(*key));
  const auto weak = load(home.path(), small);
  ASSERT_TRUE(weak) << key_error(weak);
  EXPECT_THAT(weak->warnings(), ElementsAre(HasSubstr("the signing key has 1024 bits")));
  expect_verifies(gpg, small, signature_of(*weak));
}

TEST(Key, HomesWithoutKeysSaySo) {
  const ScratchDirectory home;
  const std::string unknown(40, 'A');
  EXPECT_EQ(key_error(load(home.path() / "missing", unknown)),
            (home.path() / "missing").string() + ": there is no such directory");
  EXPECT_THAT(key_error(load(home.path(), unknown)), HasSubstr("there are no private keys: neither secring.gpg nor"));
  mig_runner::test::write_text(home.path() / "secring.gpg", "this is no keyring");
  EXPECT_THAT(key_error(load(home.path(), unknown)), HasSubstr((home.path() / "secring.gpg: ").string()));
  const GpgHome gpg;
  gpg.gpg("--list-secret-keys");
  std::filesystem::create_directories(gpg.path() / "private-keys-v1.d");
  EXPECT_THAT(key_error(load(gpg.path(), unknown)),
              HasSubstr("there is no private key with the fingerprint " + unknown + ", nor any other"));
}

TEST(Key, DamagedKeyringsAreErrors) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key();
  gpg.add_subkey(fingerprint);
  const ScratchDirectory home;
  gpg.export_secring(home.path());
  const auto whole = mig_runner::test::read_text(home.path() / "secring.gpg");
  for (std::size_t length = 0; length < 900; length += 61) {
    mig_runner::test::write_text(home.path() / "secring.gpg", whole.substr(0, length));
    EXPECT_FALSE(load(home.path(), fingerprint)) << length;
  }
  for (std::size_t i = 0; i < whole.size(); i += 101) {
    auto damaged = whole;
    damaged[i] = static_cast<char>(~damaged[i]);
    mig_runner::test::write_text(home.path() / "secring.gpg", damaged);
    if (const auto key = load(home.path(), fingerprint)) expect_verifies(gpg, fingerprint, signature_of(*key));
  }
}

// Two bytes of the private exponent are changed so that the checksum over all still fits.
TEST(Key, AKeyWhoseDamageNothingShowsIsTriedOut) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key();
  const ScratchDirectory home;
  gpg.export_secring(home.path());
  auto bytes = mig_runner::test::read_text(home.path() / "secring.gpg");
  constexpr std::size_t kExponent = 3 + 6 + (2 + 256) + (2 + 3) + 1 + 2;
  std::size_t at = kExponent + 8;
  while (bytes[at] == '\xFF' || bytes[at + 1] == '\0') ++at;
  ++bytes[at];
  --bytes[at + 1];
  mig_runner::test::write_text(home.path() / "secring.gpg", bytes);
  EXPECT_THAT(key_error(load(home.path(), fingerprint)), HasSubstr("signatures that do not verify"));
}

TEST(Key, SignersOfOneKeyWorkSideBySide) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key("rsa2048", "", "sign", "1d");
  const auto key = load(gpg.path(), fingerprint);
  ASSERT_TRUE(key) << key_error(key);
  const auto public_key = gpg.gpg("--export " + fingerprint);
  std::vector<std::thread> threads;
  std::atomic<int> verified = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const auto signer = key->make_signer().value();
      const auto verifier = Verifier::from_public_key(public_key).value();
      for (int k = 0; k < 25; ++k) {
        const auto text = std::to_string(i) + ";" + std::to_string(k);
        if (verifier.verify(text, signer->sign(text).value())) ++verified;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(verified, 100);
}

TEST(Verifier, OtherKeysDoNotVerify) {
  const GpgHome gpg;
  const auto signing = gpg.make_key();
  const auto other = gpg.make_key();
  const auto key = load(gpg.path(), signing);
  ASSERT_TRUE(key) << key_error(key);
  const auto signature = signature_of(*key);
  const auto verifier = Verifier::from_public_key(gpg.gpg("--export " + other)).value();
  EXPECT_FALSE(verifier.verify(kText, signature));
  EXPECT_FALSE(Verifier::from_public_key(gpg.gpg("--export"))) << "two keys";
}

// As a server, which may be old or have a clock that is wrong.
TEST(Verifier, LooksAtNoClock) {
  for (const std::string time : {"20010203T040506!", "20900203T040506!"}) {
    const GpgHome gpg;
    const std::string then = "--faked-system-time " + time + " ";
    gpg.gpg(then + "--passphrase '' --quick-gen-key 'u <u@localhost>' rsa2048 sign 10d");
    const ScratchDirectory scratch;
    mig_runner::test::write_text(scratch.path() / "text", kText);
    const auto packet = gpg.gpg(then + "--detach-sign --output - " + (scratch.path() / "text").string());
    const auto verifier = Verifier::from_public_key(gpg.gpg(then + "--export")).value();
    const auto verified = verifier.verify(kText, strip_armor(packet));
    EXPECT_TRUE(verified) << time << verified.error().text();
  }
}

TEST(Verifier, TakesWhatGpgSigns) {
  const GpgHome gpg;
  const auto fingerprint = gpg.make_key();
  const ScratchDirectory scratch;
  mig_runner::test::write_text(scratch.path() / "text", kText);
  const auto packet = gpg.gpg("--detach-sign --output - " + (scratch.path() / "text").string());
  const auto verifier = Verifier::from_public_key(gpg.gpg("--export " + fingerprint)).value();
  EXPECT_TRUE(verifier.verify(kText, strip_armor(packet)));
}

TEST(Secret, WipingOverwritesAllOfTheText) {
  for (std::string text : {"short", "long enough to live outside the object itself, on the heap"}) {
    const std::string_view memory(text.data(), text.size());  // which the string keeps
    wipe(text);
    EXPECT_TRUE(text.empty());
    EXPECT_EQ(memory, std::string(memory.size(), '\0'));
  }
}

TEST(Secret, MovesLeaveNothingBehind) {
  for (const std::string text : {"short", "long enough to live outside the object itself, on the heap"}) {
    Secret first{std::string(text)};
    Secret second(std::move(first));
    EXPECT_EQ(second.reveal(), text);
    EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
    const std::string_view bytes(reinterpret_cast<const char*>(&first), sizeof first);
    EXPECT_EQ(bytes.find(text.substr(1, 4)), std::string_view::npos);  // an empty string has a zero in front
    first = std::move(second);
    EXPECT_EQ(first.reveal(), text);
    EXPECT_TRUE(second.empty());  // NOLINT(bugprone-use-after-move)
  }
}

}  // namespace
}  // namespace mig_runner::sign

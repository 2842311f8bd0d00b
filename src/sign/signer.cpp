#include "sign/signer.h"

#include <algorithm>
#include <optional>
#include <system_error>

#include "base/clock.h"
#include "base/file_status.h"
#include "base/hex.h"
#include "sign/gnupg2_home.h"
#include "sign/keyring.h"
#include "sign/rnp_signer.h"
#include "sign/rsa_signer.h"
#include "sign/secret_key_packet.h"
#include "sign/verifier.h"

namespace mig_runner::sign {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFingerprintDigits = 40;

Result<std::string> normal_fingerprint(std::string text) {
  if (text.size() != kFingerprintDigits || !is_hex(text))
    return fail("\"" + text +
                "\" is not a fingerprint: 40 hexadecimal digits are needed, as gpg --fingerprint shows them");
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  return text;
}

tl::unexpected<Error> no_such_key(const std::string& fingerprint, std::vector<std::string> present) {
  std::sort(present.begin(), present.end());
  present.erase(std::unique(present.begin(), present.end()), present.end());
  std::string what = "there is no private key with the fingerprint " + fingerprint;
  if (present.empty()) return fail(what + ", nor any other");
  what += "; there " + std::string(present.size() == 1 ? "is " : "are ");
  for (const auto& other : present) what += (&other == &present.front() ? "" : ", ") + other;
  return fail(what);
}

// A signing subkey may have a passphrase of its own.
auto names_subkey(const std::string& fingerprint, const std::string& signing) {
  return [&](Error error) {
    if (signing != fingerprint) error.what += " (signing subkey " + signing + ")";
    return error;
  };
}

// nullopt where the home does not have the key, or only its public part and `elsewhere` there is more.
Result<std::optional<UnlockedKey>> unlock_from_gnupg2(const fs::path& gpg_home, const std::string& fingerprint,
                                                      const Secret& passphrase, bool elsewhere, Timestamp now) {
  const GnuPg2Home home(gpg_home);
  auto key = home.find(fingerprint);
  if (!key) return tl::unexpected(key.error());
  if (!*key || (elsewhere && (*key)->secret_parts.empty())) return std::nullopt;
  auto keyring = Keyring::from_public_keys((*key)->public_part, std::move((*key)->secret_parts), now);
  if (!keyring) return tl::unexpected(keyring.error());
  const auto signing = keyring->signing_key(fingerprint);
  if (!signing) return tl::unexpected(signing.error());
  const auto named = names_subkey(fingerprint, *signing);
  const auto secret = home.secret_key(*signing, *signing != fingerprint, passphrase).map_error(named);
  if (!secret) return tl::unexpected(secret.error());
  if (const auto added = keyring->add(secret->reveal()); !added) return tl::unexpected(added.error());
  return keyring->unlock(fingerprint, *signing, passphrase).map_error(named);
}

Result<UnlockedKey> unlock_from_secring(const Keyring& keyring, const std::string& fingerprint,
                                        const Secret& passphrase) {
  const auto signing = keyring.signing_key(fingerprint).map_error([](Error error) {
    if (error.what.find(" expired on ") != std::string::npos)
      error.what += " (where that has been changed since, export it again to secring.gpg)";
    return error;
  });
  if (!signing) return tl::unexpected(signing.error());
  return keyring.unlock(fingerprint, *signing, passphrase).map_error(names_subkey(fingerprint, *signing));
}

// GnuPG 2 leaves an empty one, or one with keys of before, when it takes over a home.
Result<std::optional<Keyring>> open_secring(const fs::path& gpg_home, Timestamp now) {
  const fs::path path = gpg_home / "secring.gpg";
  const auto status = file_status(path, Symlinks::followed);
  if (!status) return tl::unexpected(status.error());
  if (!*status || (*status)->st_size == 0) return std::nullopt;
  return Keyring::from_file(path, now);
}

// A GnuPG 2 home that has the key knows more of it than the secring.gpg of an earlier day: a new passphrase, an end.
Result<UnlockedKey> unlock(const fs::path& gpg_home, const std::string& fingerprint, const Secret& passphrase,
                           Timestamp now) {
  std::error_code error;
  const auto home = file_status(gpg_home, Symlinks::followed);
  if (!home) return fail(home.error().what, {}, home.error().retry);
  if (!*home || !S_ISDIR((*home)->st_mode)) return fail("there is no such directory");
  const auto secring = open_secring(gpg_home, now);
  const bool in_secring = secring && *secring && (*secring)->has_secret(fingerprint);
  const auto gnupg2 = file_status(gpg_home / "private-keys-v1.d", Symlinks::followed);
  if (!gnupg2) return tl::unexpected(gnupg2.error());
  const bool is_gnupg2 = gnupg2->has_value();
  // Without any secret key there gpg need not be asked, which a home that is read-only may not allow.
  const bool may_have_key = is_gnupg2 && !(in_secring && fs::is_empty(gpg_home / "private-keys-v1.d", error));
  const bool has_gpg = may_have_key && GnuPg2Home::gpg_is_installed();
  if (has_gpg) {
    auto found = unlock_from_gnupg2(gpg_home, fingerprint, passphrase, in_secring, now);
    if (!found) return tl::unexpected(found.error());
    if (*found && in_secring)
      (*found)->warnings.push_back(
          "GnuPG 2 (private-keys-v1.d) and secring.gpg both have the key: that of GnuPG 2 is used");
    if (*found) return std::move(**found);
  }
  if (in_secring) {
    auto key = unlock_from_secring(**secring, fingerprint, passphrase);
    if (key && may_have_key && !has_gpg)
      key->warnings.push_back(
          "the key of secring.gpg is used: gpg is not installed to tell whether GnuPG 2 has a newer one");
    return key;
  }
  if (!secring) return tl::unexpected(secring.error());
  if (is_gnupg2 && !has_gpg)
    return fail(
        "gpg is needed to read the keys of GnuPG 2, and is not installed: install gnupg, or export them with "
        "gpg --export-secret-keys > secring.gpg");
  auto present = *secring ? (*secring)->fingerprints() : std::vector<std::string>();
  if (has_gpg)
    for (auto& other : GnuPg2Home(gpg_home).fingerprints()) present.push_back(std::move(other));
  if (is_gnupg2 || *secring) {
    auto missing = no_such_key(fingerprint, std::move(present));
    if (has_gpg && fs::exists(gpg_home / "gpg.conf", error)) missing.value().what += " (gpg.conf is not read)";
    return missing;
  }
  return fail("there are no private keys: neither secring.gpg nor the private-keys-v1.d of GnuPG 2");
}

Result<void> try_out(Signer& signer, const std::string& public_key) {
  constexpr std::string_view kText = "a text to try the key with\n";
  const auto signature = signer.sign(kText);
  if (!signature) return tl::unexpected(signature.error());
  const auto verifier = Verifier::from_public_key(public_key);
  if (!verifier) return tl::unexpected(verifier.error());
  return verifier->verify(kText, *signature).map_error([](Error error) {
    error.what = "the key makes signatures that do not verify: " + error.what;
    return error;
  });
}

}  // namespace

struct Key::Impl {
  std::string fingerprint;
  std::string signing_fingerprint;
  RsaKey rsa;      // null for another kind
  Secret packets;  // of another kind
  std::vector<std::string> warnings;
};

Key::Key(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Key::Key(Key&&) noexcept = default;
Key& Key::operator=(Key&&) noexcept = default;
Key::~Key() = default;

Result<Key> Key::load(const fs::path& gpg_home, const std::string& key_id, const Secret& passphrase, Timestamp now) {
  const auto in_home = [&](Error error) {
    if (error.where.empty()) error.where = gpg_home.string();
    return tl::unexpected(std::move(error));
  };
  const auto fingerprint = normal_fingerprint(key_id);
  if (!fingerprint) return tl::unexpected(fingerprint.error());
  auto unlocked = unlock(gpg_home, *fingerprint, passphrase, now);
  if (!unlocked) return in_home(unlocked.error());
  auto impl = std::make_shared<Impl>();
  impl->fingerprint = *fingerprint;
  impl->signing_fingerprint = unlocked->signing_fingerprint;
  impl->warnings = std::move(unlocked->warnings);
  if (const auto numbers = find_rsa_secret_key(unlocked->packets.reveal(), impl->signing_fingerprint)) {
    auto rsa = make_rsa_key(*numbers);
    if (!rsa) return in_home(rsa.error());
    impl->rsa = std::move(*rsa);
  } else {
    impl->packets = std::move(unlocked->packets);
  }
  Key key(std::move(impl));
  const auto signer = key.make_signer();
  if (!signer) return in_home(signer.error());
  if (const auto tried = try_out(**signer, unlocked->public_key); !tried) return in_home(tried.error());
  return key;
}

Result<std::unique_ptr<Signer>> Key::make_signer() const {
  // A signature carries the time at which it was made, whatever clock decides about runs.
  if (impl_->rsa) return std::make_unique<RsaSigner>(impl_->rsa, impl_->signing_fingerprint, system_clock());
  return RnpSigner::create(impl_->packets, impl_->signing_fingerprint, system_clock());
}

const std::string& Key::fingerprint() const {
  return impl_->fingerprint;
}

const std::vector<std::string>& Key::warnings() const {
  return impl_->warnings;
}

}  // namespace mig_runner::sign

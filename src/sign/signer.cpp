#include "sign/signer.h"

#include <algorithm>
#include <system_error>

#include "base/clock.h"
#include "sign/gpg_export.h"
#include "sign/keyring.h"
#include "sign/rsa_signer.h"
#include "sign/secret_key_packet.h"
#include "sign/verifier.h"

namespace mig_runner::sign {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFingerprintDigits = 40;

Result<std::string> normal_fingerprint(std::string text) {
  const auto is_hex = [](char c) {
    return std::string_view("0123456789abcdefABCDEF").find(c) != std::string_view::npos;
  };
  if (text.size() != kFingerprintDigits || !std::all_of(text.begin(), text.end(), is_hex))
    return fail("\"" + text +
                "\" is not a fingerprint: 40 hexadecimal digits are needed, as gpg --fingerprint shows them");
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  return text;
}

tl::unexpected<Error> no_such_key(const std::string& fingerprint, const std::vector<std::string>& present) {
  std::string what = "there is no private key with the fingerprint " + fingerprint;
  if (present.empty()) return fail(what + ", nor any other");
  what += "; there " + std::string(present.size() == 1 ? "is " : "are ");
  for (const auto& other : present) what += (&other == &present.front() ? "" : ", ") + other;
  return fail(what);
}

Result<UnlockedKey> unlock_from_gpg(const fs::path& gpg_home, const std::string& fingerprint, const Secret& passphrase,
                                    Timestamp now) {
  const auto exported = export_from_gpg(gpg_home, fingerprint, passphrase);
  if (!exported) return tl::unexpected(exported.error());
  if (exported->empty()) return no_such_key(fingerprint, list_gpg_secret_keys(gpg_home));
  const auto keyring = Keyring::from_bytes(exported->reveal(), now);
  if (!keyring) return tl::unexpected(keyring.error());
  return keyring->unlock(fingerprint, passphrase);
}

Result<UnlockedKey> unlock(const fs::path& gpg_home, const std::string& fingerprint, const Secret& passphrase,
                           Timestamp now) {
  std::error_code error;
  const auto status = fs::status(gpg_home, error);
  if (status.type() == fs::file_type::none) return fail("the directory cannot be read: " + error.message());
  if (!fs::is_directory(status)) return fail("there is no such directory");
  const bool has_gpg2_keys = fs::exists(gpg_home / "private-keys-v1.d", error);
  const fs::path secring = gpg_home / "secring.gpg";
  // GnuPG 2 leaves an empty one, or one with keys of before, when it takes over a home.
  if (fs::file_size(secring, error) > 0 && !error) {
    const auto keyring = Keyring::from_file(secring, now);
    if (!keyring) return tl::unexpected(keyring.error());
    if (keyring->has(fingerprint)) return keyring->unlock(fingerprint, passphrase);
    if (!has_gpg2_keys) return no_such_key(fingerprint, keyring->fingerprints());
  }
  if (!has_gpg2_keys)
    return fail("there are no private keys: neither secring.gpg nor the private-keys-v1.d of GnuPG 2");
  return unlock_from_gpg(gpg_home, fingerprint, passphrase, now);
}

Result<void> try_out(Signer& signer, const std::string& public_key) {
  constexpr std::string_view text = "a text to try the key with\n";
  const auto signature = signer.sign(text);
  if (!signature) return tl::unexpected(signature.error());
  const auto verifier = Verifier::from_public_key(public_key);
  if (!verifier) return tl::unexpected(verifier.error());
  return verifier->verify(text, *signature).map_error([](Error error) {
    error.what = "the key makes signatures that do not verify: " + error.what;
    return error;
  });
}

}  // namespace

struct Key::Impl {
  std::string fingerprint;
  std::string signing_fingerprint;
  RsaKey rsa;
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
  const auto numbers = find_rsa_secret_key(unlocked->packets.reveal(), unlocked->signing_fingerprint);
  if (!numbers) return in_home(Error{"the private key is not one of OpenPGP's version 4", {}, Retry::no});
  auto rsa = make_rsa_key(*numbers);
  if (!rsa) return in_home(rsa.error());
  Key key(std::make_shared<Impl>(
      Impl{*fingerprint, unlocked->signing_fingerprint, std::move(*rsa), std::move(unlocked->warnings)}));
  const auto signer = key.make_signer();
  if (!signer) return in_home(signer.error());
  if (const auto tried = try_out(**signer, unlocked->public_key); !tried) return in_home(tried.error());
  return key;
}

Result<std::unique_ptr<Signer>> Key::make_signer() const {
  // A signature carries the time at which it was made, whatever clock decides about runs.
  return std::make_unique<RsaSigner>(impl_->rsa, impl_->signing_fingerprint, system_clock());
}

const std::string& Key::fingerprint() const {
  return impl_->fingerprint;
}

const std::vector<std::string>& Key::warnings() const {
  return impl_->warnings;
}

}  // namespace mig_runner::sign

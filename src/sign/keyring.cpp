#include "sign/keyring.h"

#include <openssl/crypto.h>
#include <unistd.h>

#include <algorithm>

namespace mig_runner::sign {
namespace {

constexpr std::uint32_t kMinBits = 2048;
constexpr std::uint32_t kMaxBits = 4096;
constexpr std::chrono::days kExpiryWarning{30};
constexpr std::uint32_t kLoadFlags = RNP_LOAD_SAVE_PUBLIC_KEYS | RNP_LOAD_SAVE_SECRET_KEYS | RNP_LOAD_SAVE_PERMISSIVE;

std::string date(Timestamp time) {
  return format_utc(time).substr(0, 10);
}

// What is asked of a key, in one place; librnp reports failure and "no" alike here.
class KeyView {
 public:
  explicit KeyView(rnp_key_handle_t key) : key_(key) {}

  std::string fingerprint() const { return text_of(key_, rnp_key_get_fprint); }
  std::string algorithm() const { return text_of(key_, rnp_key_get_alg); }
  std::string curve() const { return text_of(key_, rnp_key_get_curve); }
  bool is_revoked() const { return ask(rnp_key_is_revoked); }
  bool is_valid() const { return ask(rnp_key_is_valid); }  // also: neither revoked nor expired, nor is its primary key
  bool is_protected() const { return ask(rnp_key_is_protected); }

  bool may_sign() const {
    bool result = false;
    return rnp_key_allows_usage(key_, "sign", &result) == RNP_SUCCESS && result;
  }

  // False for what GnuPG leaves of a key that lies elsewhere: on a card, or on a machine that is not connected.
  bool has_secret_part() const {
    const std::string type = ask(rnp_key_have_secret) ? text_of(key_, rnp_key_get_protection_type) : "";
    return type == "None" || type == "Encrypted" || type == "Encrypted-Hashed";
  }

  std::uint32_t bits() const { return number(rnp_key_get_bits); }
  Timestamp created() const { return Timestamp(std::chrono::seconds(number(rnp_key_get_creation))); }
  Timestamp expires() const {
    const auto lifetime = number(rnp_key_get_expiration);
    return lifetime == 0 ? Timestamp::max() : created() + std::chrono::seconds(lifetime);
  }

  bool has_curve_of_server() const {
    const std::string name = curve();
    return name == "NIST P-256" || name == "NIST P-384" || name == "NIST P-521";
  }
  // Kinds that came after the server's OpenPGP was written, it cannot even read.
  bool server_can_read() const {
    const std::string name = algorithm();
    return name == "RSA" || name == "DSA" || name == "ELGAMAL" ||
           ((name == "ECDSA" || name == "ECDH") && has_curve_of_server());
  }
  bool server_can_verify() const {
    const std::string name = algorithm();
    return server_can_read() && (name == "RSA" || name == "DSA" || name == "ECDSA");
  }

 private:
  bool ask(rnp_result_t (*question)(rnp_key_handle_t, bool*)) const {
    bool result = false;
    return question(key_, &result) == RNP_SUCCESS && result;
  }
  std::uint32_t number(rnp_result_t (*get)(rnp_key_handle_t, std::uint32_t*)) const {
    std::uint32_t result = 0;
    return get(key_, &result) == RNP_SUCCESS ? result : 0;
  }

  rnp_key_handle_t key_;
};

std::string name_of_kind(const KeyView& key) {
  const std::string algorithm = key.algorithm();
  return (algorithm == "EDDSA" ? "EdDSA" : algorithm) + (key.curve().empty() ? "" : " (" + key.curve() + ")");
}

Result<void> check_primary(const KeyView& key, Timestamp now) {
  const std::string name = "the key " + key.fingerprint();
  if (!key.server_can_read())
    return fail(name + " is of the kind " + name_of_kind(key) +
                ", which the server cannot read: it knows RSA, DSA, and ECDSA over NIST's curves");
  if (key.is_revoked()) return fail(name + " is revoked");
  if (key.expires() <= now) return fail(name + " expired on " + date(key.expires()));
  return {};
}

std::string why_not(const KeyView& key, bool has_secret_part, Timestamp now) {
  if (!key.server_can_verify())
    return " is of the kind " + name_of_kind(key) + ", whose signatures the server cannot verify";
  if (key.is_revoked()) return " is revoked";
  if (key.expires() <= now) return " expired on " + date(key.expires());
  return has_secret_part ? " is not valid" : " has its secret part elsewhere";
}

std::string exported(rnp_key_handle_t key, std::uint32_t flags) {
  rnp_output_t output = nullptr;
  if (rnp_output_to_memory(&output, 0) != RNP_SUCCESS) return {};
  const RnpOutput owner(output);
  std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (rnp_key_export(key, output, flags) != RNP_SUCCESS ||
      rnp_output_memory_get_buf(output, &bytes, &size, false) != RNP_SUCCESS)
    return {};
  std::string copy(reinterpret_cast<const char*>(bytes), size);
  OPENSSL_cleanse(bytes, size);
  return copy;
}

Result<void> remove_protection(rnp_key_handle_t key, const Secret& passphrase) {
  if (!KeyView(key).is_protected()) return {};
  if (passphrase.empty()) return fail("the private key needs a passphrase, and none is given");
  if (rnp_key_unlock(key, passphrase.reveal().c_str()) != RNP_SUCCESS) return fail("wrong passphrase");
  if (rnp_key_unprotect(key, passphrase.reveal().c_str()) != RNP_SUCCESS)
    return fail("librnp does not give the private key out");
  return {};
}

std::vector<std::string> warnings_for(const KeyView& primary, const KeyView& signing,
                                      const std::vector<RnpKey>& subkeys, Timestamp now) {
  std::vector<std::string> warnings;
  if (signing.algorithm() == "RSA" && (signing.bits() < kMinBits || signing.bits() > kMaxBits))
    warnings.push_back("the signing key has " + std::to_string(signing.bits()) +
                       " bits: servers are known to verify RSA keys of 2048 to 4096 bits");
  const Timestamp expires = std::min(primary.expires(), signing.expires());
  if (expires <= now + kExpiryWarning) warnings.push_back("the signing key expires on " + date(expires));
  for (const auto& handle : subkeys) {
    const KeyView key(handle.get());
    if (!key.server_can_read())
      warnings.push_back("the subkey " + key.fingerprint() + " is of the kind " + name_of_kind(key) +
                         ": a server refuses an investigator's key with such a subkey as a whole");
  }
  return warnings;
}

}  // namespace

Result<Keyring> Keyring::from_file(const std::filesystem::path& path, Timestamp now) {
  if (access(path.c_str(), R_OK) != 0) return fail_errno("the keyring cannot be read", path.string(), Retry::no);
  rnp_input_t input = nullptr;
  if (rnp_input_from_path(&input, path.c_str()) != RNP_SUCCESS)
    return fail("the keyring cannot be read", path.string(), Retry::later);
  return load(RnpInput(input), now).map_error([&](Error error) {
    error.where = path.string();
    return error;
  });
}

Result<Keyring> Keyring::from_public_keys(std::string_view bytes, std::set<std::string> obtainable, Timestamp now) {
  auto keyring = load(memory_input(bytes), now);
  if (keyring) keyring->obtainable_ = std::move(obtainable);
  return keyring;
}

Result<Keyring> Keyring::load(RnpInput input, Timestamp now) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  Keyring keyring(make_ffi(static_cast<std::uint64_t>(seconds)), now);
  if (!keyring.ffi_ || !input) return fail("librnp does not start", {}, Retry::later);
  if (rnp_import_keys(keyring.ffi_.get(), input.get(), kLoadFlags, nullptr) != RNP_SUCCESS)
    return fail("this is not a keyring of OpenPGP keys, as gpg --export-secret-keys writes it");
  return keyring;
}

bool Keyring::has_secret(const std::string& fingerprint) const {
  const RnpKey key = find_key(ffi_.get(), fingerprint);
  bool secret = false;
  return key && rnp_key_have_secret(key.get(), &secret) == RNP_SUCCESS && secret;
}

std::vector<std::string> Keyring::fingerprints() const {
  auto found = primary_fingerprints(ffi_.get());
  std::erase_if(found, [this](const std::string& fingerprint) { return !has_secret(fingerprint); });
  return found;
}

Result<std::string> Keyring::signing_key(const std::string& fingerprint) const {
  const RnpKey primary_handle = find_key(ffi_.get(), fingerprint);
  if (!primary_handle) return fail("there is no key with the fingerprint " + fingerprint);
  const KeyView primary(primary_handle.get());
  if (const auto of = text_of(primary_handle.get(), rnp_key_get_primary_fprint); !of.empty() && of != fingerprint)
    return fail(fingerprint + " is a subkey: the fingerprint of its primary key is needed, " + of);
  if (auto checked = check_primary(primary, now_); !checked) return tl::unexpected(checked.error());

  const auto has_secret_part = [this](const KeyView& key) {
    return key.has_secret_part() || obtainable_.contains(key.fingerprint());
  };
  const auto usable = [&](const KeyView& key) {
    return key.server_can_verify() && key.may_sign() && has_secret_part(key) && key.is_valid();
  };
  std::string chosen = usable(primary) ? fingerprint : "";
  std::string why;
  Timestamp newest = Timestamp::min();
  for (const auto& subkey : subkeys_of(primary_handle.get())) {
    const KeyView view(subkey.get());
    if (usable(view) && view.created() >= newest) {
      newest = view.created();
      chosen = view.fingerprint();
    } else if (view.may_sign()) {
      why += "; its signing subkey " + view.fingerprint() + why_not(view, has_secret_part(view), now_);
    }
  }
  if (!chosen.empty()) return chosen;
  if (primary.may_sign() && !has_secret_part(primary)) why += "; its own secret part is elsewhere";
  if (why.empty()) why = "; it has no subkey for signing, and no valid self-signature lets it sign itself";
  return fail("the key " + fingerprint + " cannot sign" + why);
}

Result<void> Keyring::add(std::string_view bytes) {
  const RnpInput input = memory_input(bytes);
  if (!input || rnp_import_keys(ffi_.get(), input.get(), kLoadFlags, nullptr) != RNP_SUCCESS)
    return fail("this is no OpenPGP key");
  return {};
}

Result<UnlockedKey> Keyring::unlock(const std::string& fingerprint, const std::string& signing,
                                    const Secret& passphrase) const {
  const RnpKey primary = find_key(ffi_.get(), fingerprint);
  const RnpKey chosen = find_key(ffi_.get(), signing);
  if (!primary || !chosen || !KeyView(chosen.get()).has_secret_part())
    return fail("the secret part of " + signing + " is missing");
  if (auto removed = remove_protection(chosen.get(), passphrase); !removed) return tl::unexpected(removed.error());
  UnlockedKey key;
  key.signing_fingerprint = signing;
  key.packets = Secret(exported(chosen.get(), RNP_KEY_EXPORT_SECRET));
  key.public_key = exported(primary.get(), RNP_KEY_EXPORT_PUBLIC | RNP_KEY_EXPORT_SUBKEYS);
  key.warnings = warnings_for(KeyView(primary.get()), KeyView(chosen.get()), subkeys_of(primary.get()), now_);
  return key;
}

}  // namespace mig_runner::sign

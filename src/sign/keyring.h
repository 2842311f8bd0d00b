#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "sign/rnp_handle.h"
#include "sign/secret.h"

namespace mig_runner::sign {

// A key that can sign, out of a keyring.
struct UnlockedKey {
  std::string signing_fingerprint;  // of a subkey, or of the primary key
  Secret packets;                   // OpenPGP packets with the signing key's secret part, not protected
  std::string public_key;           // the primary key with its subkeys
  std::vector<std::string> warnings;
};

// Keys that librnp has read. Errors are one sentence for an operator. One thread at a time.
class Keyring {
 public:
  // `now` decides what is expired.
  static Result<Keyring> from_file(const std::filesystem::path& path, Timestamp now);
  // Public keys. Where a fingerprint is in `obtainable`, the secret part can be had, and add() brings it.
  static Result<Keyring> from_public_keys(std::string_view bytes, std::set<std::string> obtainable, Timestamp now);

  bool has_secret(const std::string& fingerprint) const;
  std::vector<std::string> fingerprints() const;  // of the primary keys with a secret part

  // Chooses the newest usable signing subkey of a primary key, else the key itself, as GnuPG does.
  Result<std::string> signing_key(const std::string& fingerprint) const;
  Result<void> add(std::string_view bytes);
  // `signing` is what signing_key() chose for `fingerprint`.
  Result<UnlockedKey> unlock(const std::string& fingerprint, const std::string& signing,
                             const Secret& passphrase) const;

 private:
  Keyring(RnpFfi ffi, Timestamp now) : ffi_(std::move(ffi)), now_(now) {}
  static Result<Keyring> load(RnpInput input, Timestamp now);

  RnpFfi ffi_;
  Timestamp now_;
  std::set<std::string> obtainable_;
};

}  // namespace mig_runner::sign

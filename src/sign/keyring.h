#pragma once

#include <filesystem>
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

// Secret keys that librnp has read. Errors are one sentence for an operator. One thread at a time.
class Keyring {
 public:
  // `now` decides what is expired.
  static Result<Keyring> from_file(const std::filesystem::path& path, Timestamp now);
  static Result<Keyring> from_bytes(std::string_view bytes, Timestamp now);

  bool has(const std::string& fingerprint) const;
  std::vector<std::string> fingerprints() const;
  // Chooses the newest usable signing subkey of a primary key, else the key itself, as GnuPG does.
  Result<UnlockedKey> unlock(const std::string& fingerprint, const Secret& passphrase) const;

 private:
  Keyring(RnpFfi ffi, Timestamp now) : ffi_(std::move(ffi)), now_(now) {}
  static Result<Keyring> load(RnpInput input, Timestamp now);

  RnpFfi ffi_;
  Timestamp now_;
};

}  // namespace mig_runner::sign

#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "sign/secret.h"

namespace mig_runner::sign {

// Signs as MIG wants it (docs/protocol.md, "Signatures and tokens"): a detached binary-document signature, armored,
// with header and footer lines, the empty line and all line breaks removed. One thread at a time: an object a thread.
class Signer {
 public:
  virtual ~Signer() = default;
  virtual Result<std::string> sign(std::string_view text) = 0;
};

// The investigator's private key, loaded and unlocked once.
class Key {
 public:
  // Finds the key with fingerprint `key_id` (40 hex digits) in `gpg_home`: asks gpg where that is a GnuPG 2 home (which
  // may take seconds), else reads secring.gpg. Prefers a signing subkey as GnuPG does; the passphrase is that of the
  // key that signs. Tries the passphrase and one signature, which it verifies. `now` decides what is expired. Errors,
  // each one clear sentence: no such directory, no such key (with the fingerprints that are there), wrong passphrase,
  // passphrase needed, expired (with the date), revoked, EdDSA or another kind the server cannot verify, what gpg says.
  static Result<Key> load(const std::filesystem::path& gpg_home, const std::string& key_id, const Secret& passphrase,
                          Timestamp now);
  Key(Key&&) noexcept;
  Key& operator=(Key&&) noexcept;
  ~Key();

  // A new signer over the same key; safe to call from any thread. Its signatures carry the system clock's time, which
  // no server compares with anything.
  Result<std::unique_ptr<Signer>> make_signer() const;

  // The primary key's fingerprint, 40 upper-case hex digits: how the server knows the investigator.
  const std::string& fingerprint() const;
  // What an operator should know though the key works (an EdDSA subkey beside it, expiry within 30 days, a second key
  // in secring.gpg).
  const std::vector<std::string>& warnings() const;

 private:
  struct Impl;
  explicit Key(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace mig_runner::sign

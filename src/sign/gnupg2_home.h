#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "sign/secret.h"

namespace mig_runner::sign {

// The keys of a GnuPG 2 home, which only gpg and its agent can give out. An agent that was started for this ends with
// the object, so that it keeps no passphrase. The home's gpg.conf does not count: it could send the secret key to a
// file. Errors have gpg's own words.
class GnuPg2Home {
 public:
  static bool gpg_is_installed();

  explicit GnuPg2Home(std::filesystem::path path);
  GnuPg2Home(const GnuPg2Home&) = delete;
  GnuPg2Home& operator=(const GnuPg2Home&) = delete;
  ~GnuPg2Home();

  struct Key {
    std::string public_part;             // OpenPGP packets of the primary key with its subkeys
    std::set<std::string> secret_parts;  // fingerprints; others may lie on a card, or nowhere
  };
  // The key with its subkeys, `fingerprint` being one of them; nullopt where the home has no private key of the name.
  Result<std::optional<Key>> find(const std::string& fingerprint) const;
  // One key's secret part, protected by the same passphrase. `is_subkey`: it belongs to a primary key, of which only
  // the public part comes with it.
  Result<Secret> secret_key(const std::string& fingerprint, bool is_subkey, const Secret& passphrase) const;
  // Of the primary keys with a secret part; empty where gpg cannot tell.
  std::vector<std::string> fingerprints() const;

 private:
  Result<std::string> agent_pid() const;
  Result<std::string> public_part(const std::string& fingerprint) const;

  std::filesystem::path path_;
  bool agent_was_running_;
};

}  // namespace mig_runner::sign

#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "sign/secret.h"

namespace mig_runner::sign {

// The secret key as GnuPG 2 gives it out, protected by the same passphrase; empty where the home has no such key. gpg
// gets the passphrase through a pipe. Errors: gpg is not installed, does not answer, says no (with its own last word).
Result<Secret> export_from_gpg(const std::filesystem::path& gpg_home, const std::string& fingerprint,
                               const Secret& passphrase);

// Fingerprints of the primary secret keys in a GnuPG 2 home; empty where gpg cannot tell.
std::vector<std::string> list_gpg_secret_keys(const std::filesystem::path& gpg_home);

}  // namespace mig_runner::sign

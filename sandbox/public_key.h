#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace mig_sandbox {

// What the server tells about an investigator's key beyond verifying with it.
struct PublicKey {
  std::string name;     // of the first user id, without the address
  std::string armored;  // as the server gives it out: packets with headers of the new format
};

// Reads an armored OpenPGP public key.
mig_runner::Result<PublicKey> read_public_key(std::string_view armored);

}  // namespace mig_sandbox

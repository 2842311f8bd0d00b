#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace mig_sandbox {

// What the server tells about an investigator's key beyond verifying with it.
struct PublicKey {
  std::string name;                    // of the first user id, without the address
  std::string armored;                 // as the server gives it out: packets with headers of the new format
  std::vector<std::size_t> rsa_bytes;  // length of the moduli of its RSA keys
};

// Reads an armored OpenPGP public key.
mig_runner::Result<PublicKey> read_public_key(std::string_view armored);

// The length of the number that an RSA signature consists of, given as its packet (RFC 4880, section 5.2.3); nullopt:
// it is none.
std::optional<std::size_t> rsa_bytes_of_signature(std::string_view packet);

}  // namespace mig_sandbox

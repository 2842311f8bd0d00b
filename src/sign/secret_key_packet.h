#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mig_runner::sign {

// Views of the big-endian numbers of an RSA key, in the bytes they were read from.
struct RsaNumbers {
  std::string_view n, e, d, p, q;
  std::string_view u;  // 1/p modulo q
};

// Finds the RSA secret key with this fingerprint (40 upper-case hex digits) in a series of OpenPGP packets (RFC 4880,
// sections 4.2 and 5.5.3). nullopt where it is missing, is protected or is not RSA of version 4.
std::optional<RsaNumbers> find_rsa_secret_key(std::string_view packets, std::string_view fingerprint);

}  // namespace mig_runner::sign

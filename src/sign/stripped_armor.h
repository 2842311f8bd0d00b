#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mig_runner::sign {

// MIG's form of an armored signature: base64 directly followed by "=" and the base64 of its CRC-24.
std::string strip_armor(std::string_view packet);
// The packet; nullopt where the text is not of that form or the CRC-24 does not fit.
std::optional<std::string> unstrip_armor(std::string_view text);

}  // namespace mig_runner::sign

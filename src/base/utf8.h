#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mig_runner {

// Length of the valid UTF-8 sequence (RFC 3629) that `text` begins with, or 0. Not valid: surrogates, overlong forms,
// anything beyond U+10FFFF.
std::size_t utf8_length(std::string_view text);

void append_utf8(std::string& out, char32_t code_point);

// Each byte that is in no valid sequence becomes U+FFFD.
std::string to_valid_utf8(std::string_view text);

}  // namespace mig_runner

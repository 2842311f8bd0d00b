#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mig_runner {

// Bytes in hexadecimal digits, two for each: "0a1f", and "0A1F".
std::string hex(std::string_view bytes);
std::string hex(std::span<const std::uint8_t> bytes);
std::string upper_hex(std::string_view bytes);
std::string upper_hex(std::span<const std::uint8_t> bytes);

// Whether the text has no characters but hexadecimal digits, of either case.
bool is_hex(std::string_view text);

}  // namespace mig_runner

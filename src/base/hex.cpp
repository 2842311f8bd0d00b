#include "base/hex.h"

namespace mig_runner {
namespace {

template <class Bytes>
std::string encoded(const Bytes& bytes, std::string_view digits) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const auto element : bytes) {
    const auto byte = static_cast<std::uint8_t>(element);
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

constexpr std::string_view kLower = "0123456789abcdef";
constexpr std::string_view kUpper = "0123456789ABCDEF";

}  // namespace

std::string hex(std::string_view bytes) {
  return encoded(bytes, kLower);
}

std::string hex(std::span<const std::uint8_t> bytes) {
  return encoded(bytes, kLower);
}

std::string upper_hex(std::string_view bytes) {
  return encoded(bytes, kUpper);
}

std::string upper_hex(std::span<const std::uint8_t> bytes) {
  return encoded(bytes, kUpper);
}

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

}  // namespace mig_runner

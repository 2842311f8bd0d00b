#include "sign/stripped_armor.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdint>

namespace mig_runner::sign {
namespace {

// RFC 4880, section 6.1.
std::string crc24(std::string_view bytes) {
  std::uint32_t crc = 0xB704CE;
  for (const char byte : bytes) {
    crc ^= static_cast<std::uint32_t>(static_cast<unsigned char>(byte)) << 16U;
    for (int bit = 0; bit < 8; ++bit) {
      crc <<= 1U;
      if ((crc & 0x1000000U) != 0) crc ^= 0x1864CFBU;
    }
  }
  return {static_cast<char>(crc >> 16U & 0xFFU), static_cast<char>(crc >> 8U & 0xFFU), static_cast<char>(crc & 0xFFU)};
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string encode(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // one more for the zero that is written behind
  out.resize(static_cast<std::size_t>(
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(bytes), static_cast<int>(bytes.size()))));
  return out;
}

std::optional<std::string> decode(std::string_view text) {
  const std::size_t padding = std::min<std::size_t>(text.size() - (text.find_last_not_of('=') + 1), 2);
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(text), static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(length) - padding);
  return out;
}

constexpr std::size_t kChecksumLength = 5;
constexpr std::size_t kMaxLength = 1 << 16;

}  // namespace

std::string strip_armor(std::string_view packet) {
  return encode(packet) + "=" + encode(crc24(packet));
}

std::optional<std::string> unstrip_armor(std::string_view text) {
  if (text.size() < kChecksumLength || text.size() > kMaxLength) return std::nullopt;
  const std::string_view checksum = text.substr(text.size() - kChecksumLength);
  auto packet = decode(text.substr(0, text.size() - kChecksumLength));
  if (!packet || checksum[0] != '=' || decode(checksum.substr(1)) != crc24(*packet)) return std::nullopt;
  return packet;
}

}  // namespace mig_runner::sign

#include "sandbox/access/public_key.h"

#include <cstdint>
#include <optional>

#include "mig/gzip.h"
#include "sandbox/base/parameters.h"

namespace mig_sandbox {
namespace {

using mig_runner::fail;
using mig_runner::Result;

constexpr std::string_view kBegin = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
constexpr std::string_view kEnd = "-----END PGP PUBLIC KEY BLOCK-----";
constexpr unsigned kSignature = 2;
constexpr unsigned kPublicKey = 6;
constexpr unsigned kUserId = 13;
constexpr unsigned kPublicSubkey = 14;
constexpr std::size_t kLineLength = 64;

unsigned byte(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

struct Packet {
  unsigned tag = 0;
  std::string_view body;
};

std::optional<std::size_t> big_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  if (bytes.size() < at + count) return std::nullopt;
  std::size_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8U | byte(bytes, at + i);
  return value;
}

// Takes a packet with a definite length from the front (RFC 4880, section 4.2).
std::optional<Packet> take_packet(std::string_view& bytes) {
  if (bytes.size() < 2 || (byte(bytes, 0) & 0x80U) == 0) return std::nullopt;
  const unsigned head = byte(bytes, 0);
  Packet packet;
  std::size_t begin = 0;
  std::optional<std::size_t> length;
  if ((head & 0x40U) == 0) {
    const std::size_t width = std::size_t{1} << (head & 3U);
    packet.tag = head >> 2U & 15U;
    if (width == 8) return std::nullopt;
    length = big_endian(bytes, 1, width);
    begin = 1 + width;
  } else {
    packet.tag = head & 63U;
    const unsigned first = byte(bytes, 1);
    begin = first < 192 ? 2 : first < 224 ? 3 : 6;
    if (bytes.size() < begin || (first >= 224 && first != 255)) return std::nullopt;
    length = first < 192   ? first
             : first < 224 ? ((first - 192) << 8U) + byte(bytes, 2) + 192
                           : *big_endian(bytes, 2, 4);
  }
  if (!length || bytes.size() - begin < *length) return std::nullopt;
  packet.body = bytes.substr(begin, *length);
  bytes.remove_prefix(begin + *length);
  return packet;
}

void append_packet(std::string& out, const Packet& packet) {
  const std::size_t length = packet.body.size();
  out += static_cast<char>(0xC0U | packet.tag);
  if (length < 192) {
    out += static_cast<char>(length);
  } else if (length < 8384) {
    out += static_cast<char>(((length - 192) >> 8U) + 192);
    out += static_cast<char>((length - 192) & 0xFFU);
  } else {
    out += '\xFF';
    for (unsigned shift = 32; shift != 0; shift -= 8) out += static_cast<char>(length >> (shift - 8) & 0xFFU);
  }
  out += packet.body;
}

std::string crc24(std::string_view bytes) {
  std::uint32_t crc = 0xB704CE;
  for (const char c : bytes) {
    crc ^= static_cast<std::uint32_t>(static_cast<unsigned char>(c)) << 16U;
    for (int i = 0; i < 8; ++i) {
      crc <<= 1U;
      if ((crc & 0x1000000U) != 0) crc ^= 0x1864CFBU;
    }
  }
  return {static_cast<char>(crc >> 16U & 0xFFU), static_cast<char>(crc >> 8U & 0xFFU), static_cast<char>(crc & 0xFFU)};
}

std::string armor(std::string_view bytes) {
  std::string out = std::string(kBegin) + "\n\n";
  const std::string body = mig_runner::mig::base64(bytes);
  for (std::size_t at = 0; at < body.size(); at += kLineLength) out += body.substr(at, kLineLength) + '\n';
  return out + '=' + mig_runner::mig::base64(crc24(bytes)) + '\n' + std::string(kEnd);
}

Result<std::string> unarmor(std::string_view text) {
  const std::size_t begin = text.find(kBegin);
  const std::size_t end = text.find(kEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin)
    return fail("this is not an armored OpenPGP public key");
  std::string lines;
  for (const char c : text.substr(begin + kBegin.size(), end - begin - kBegin.size())) {
    if (c != '\r') lines += c;
  }
  std::size_t body = lines.find("\n\n");
  if (body == std::string::npos) return fail("the armor of the public key has no empty line");
  body += 2;
  const std::size_t checksum = lines.find("\n=", body);
  return decode_base64(
      std::string_view(lines).substr(body, checksum == std::string::npos ? checksum : checksum - body));
}

// Version 4 of keys and signatures, and the numbers of RSA (sections 5.5.2, 9.1).
bool is_version_4(std::string_view body) {
  return !body.empty() && byte(body, 0) == 4;
}

bool is_rsa(unsigned algorithm) {
  return algorithm >= 1 && algorithm <= 3;
}

// The length in bytes of the number that begins at `at` (section 3.2).
std::optional<std::size_t> number_bytes(std::string_view body, std::size_t at) {
  const auto bits = big_endian(body, at, 2);
  if (!bits) return std::nullopt;
  return (*bits + 7) / 8;
}

std::optional<std::size_t> rsa_bytes_of_key(std::string_view body) {
  if (!is_version_4(body) || body.size() < 6 || !is_rsa(byte(body, 5))) return std::nullopt;
  return number_bytes(body, 6);
}

}  // namespace

std::optional<std::size_t> rsa_bytes_of_signature(std::string_view packets) {
  const auto packet = take_packet(packets);
  if (!packet || packet->tag != kSignature) return std::nullopt;
  const std::string_view body = packet->body;
  if (!is_version_4(body) || body.size() < 6 || !is_rsa(byte(body, 2))) return std::nullopt;
  // Two areas with their lengths in front, then the first 16 bits of the hash.
  std::size_t at = 4;
  for (int area = 0; area < 2; ++area) {
    const auto length = big_endian(body, at, 2);
    if (!length) return std::nullopt;
    at += 2 + *length;
  }
  return number_bytes(body, at + 2);
}

Result<PublicKey> read_public_key(std::string_view armored) {
  const auto bytes = unarmor(armored);
  if (!bytes) return tl::unexpected(bytes.error());
  PublicKey key;
  std::string packets;
  std::string_view rest = *bytes;
  while (!rest.empty()) {
    const auto packet = take_packet(rest);
    if (!packet) return fail("the public key is damaged");
    append_packet(packets, *packet);
    if (packet->tag == kUserId && key.name.empty()) key.name = packet->body.substr(0, packet->body.find(" <"));
    const bool is_key = packet->tag == kPublicKey || packet->tag == kPublicSubkey;
    if (const auto length = is_key ? rsa_bytes_of_key(packet->body) : std::nullopt) key.rsa_bytes.push_back(*length);
  }
  key.armored = armor(packets);
  return key;
}

}  // namespace mig_sandbox

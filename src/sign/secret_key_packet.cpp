#include "sign/secret_key_packet.h"

#include <openssl/evp.h>

#include <cstdint>
#include <span>

#include "base/hex.h"

namespace mig_runner::sign {
namespace {

// Takes pieces off the front of a text; after the first that is not there whole, all are empty and ok() is false.
class Bytes {
 public:
  explicit Bytes(std::string_view rest) : rest_(rest) {}

  std::string_view take(std::size_t count) {
    ok_ = ok_ && count <= rest_.size();
    if (!ok_) return {};
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::size_t number(std::size_t width) {
    std::size_t value = 0;
    for (const char byte : take(width)) value = value << 8U | static_cast<unsigned char>(byte);
    return value;
  }

  std::string_view mpi() { return take((number(2) + 7) / 8); }

  bool ok() const { return ok_; }
  std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

struct Packet {
  unsigned tag = 0;
  std::string_view body;
};

std::size_t new_length(Bytes& in) {
  const std::size_t first = in.number(1);
  if (first < 192) return first;
  if (first < 224) return ((first - 192) << 8U) + in.number(1) + 192;
  if (first == 255) return in.number(4);
  return SIZE_MAX;  // a partial length, which no key has
}

Packet take_packet(Bytes& in) {
  const auto header = static_cast<unsigned>(in.number(1));
  if ((header & 0x40U) != 0) return {header & 0x3FU, in.take(new_length(in))};
  const unsigned width = header & 3U;  // 3: up to the end of the text
  return {header >> 2U & 0xFU, in.take(width == 3 ? in.left() : in.number(std::size_t{1} << width))};
}

std::string fingerprint_of(std::string_view public_part) {
  std::string hashed = "\x99";
  hashed += static_cast<char>(public_part.size() >> 8U & 0xFFU);
  hashed += static_cast<char>(public_part.size() & 0xFFU);
  hashed += public_part;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (EVP_Digest(hashed.data(), hashed.size(), digest, &length, EVP_sha1(), nullptr) != 1) return {};
  return upper_hex(std::span(digest, length));
}

constexpr unsigned kSecretKey = 5;
constexpr unsigned kSecretSubkey = 7;
constexpr std::size_t kVersion = 4;
constexpr std::size_t kRsa = 1;
constexpr std::size_t kRsaSignOnly = 3;
constexpr std::size_t kNotProtected = 0;

std::optional<RsaNumbers> read_rsa(std::string_view body, std::string_view fingerprint) {
  Bytes in(body);
  if (in.number(1) != kVersion) return std::nullopt;
  in.take(4);
  const std::size_t algorithm = in.number(1);
  if (algorithm != kRsa && algorithm != kRsaSignOnly) return std::nullopt;
  RsaNumbers key;
  key.n = in.mpi();
  key.e = in.mpi();
  if (!in.ok() || fingerprint_of(body.substr(0, body.size() - in.left())) != fingerprint) return std::nullopt;
  if (in.number(1) != kNotProtected) return std::nullopt;
  key.d = in.mpi();
  key.p = in.mpi();
  key.q = in.mpi();
  key.u = in.mpi();
  return in.ok() ? std::optional(key) : std::nullopt;
}

}  // namespace

std::optional<RsaNumbers> find_rsa_secret_key(std::string_view packets, std::string_view fingerprint) {
  Bytes in(packets);
  while (in.ok() && in.left() > 0) {
    const Packet packet = take_packet(in);
    if (packet.tag != kSecretKey && packet.tag != kSecretSubkey) continue;
    if (auto key = read_rsa(packet.body, fingerprint)) return key;
  }
  return std::nullopt;
}

}  // namespace mig_runner::sign

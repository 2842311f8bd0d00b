#include "sign/rsa_signer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <bit>
#include <chrono>
#include <cstdint>

#include "sign/stripped_armor.h"

namespace mig_runner::sign {
namespace {

template <class T, auto destroy>
struct OpenSslDestroyer {
  void operator()(T* object) const { destroy(object); }
};
template <class T, auto destroy>
using OpenSslOwner = std::unique_ptr<T, OpenSslDestroyer<T, destroy>>;

using Number = OpenSslOwner<BIGNUM, BN_clear_free>;
using NumberContext = OpenSslOwner<BN_CTX, BN_CTX_free>;
using Parameters = OpenSslOwner<OSSL_PARAM, OSSL_PARAM_free>;
using ParameterBuilder = OpenSslOwner<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using KeyContext = OpenSslOwner<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using DigestContext = OpenSslOwner<EVP_MD_CTX, EVP_MD_CTX_free>;

Number secret_number(std::string_view bytes) {
  Number number(BN_secure_new());
  if (number)
    BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), number.get());
  return number;
}

// number modulo (prime - 1)
Number exponent_of(const Number& number, const Number& prime, BN_CTX* context) {
  Number less_one(BN_secure_new());
  Number result(BN_secure_new());
  const bool done = number && prime && less_one && result && BN_sub(less_one.get(), prime.get(), BN_value_one()) == 1 &&
                    BN_mod(result.get(), number.get(), less_one.get(), context) == 1;
  return done ? std::move(result) : Number();
}

std::string big_endian(std::uint64_t value, std::size_t width) {
  std::string out;
  for (std::size_t i = width; i > 0; --i) out += static_cast<char>(value >> (8 * (i - 1)) & 0xFFU);
  return out;
}

// RFC 4880, section 4.2.2.
std::string packet_length(std::size_t length) {
  if (length < 192) return big_endian(length, 1);
  if (length < 8384) return big_endian(length - 192 + (192U << 8U), 2);
  return "\xFF" + big_endian(length, 4);
}

// `bytes` begin with one that is not zero.
std::string mpi(const std::string& bytes) {
  const auto top = static_cast<unsigned char>(bytes.front());
  return big_endian((bytes.size() - 1) * 8 + static_cast<unsigned>(std::bit_width(top)), 2) + bytes;
}

std::string subpacket(unsigned type, const std::string& body) {
  return big_endian(body.size() + 1, 1) + big_endian(type, 1) + body;
}

constexpr unsigned kSignatureTag = 0xC0 | 2;
constexpr unsigned kVersion = 4;
constexpr unsigned kBinaryDocument = 0;
constexpr unsigned kRsa = 1;
constexpr unsigned kSha256 = 8;
constexpr unsigned kCreationTime = 2;
constexpr unsigned kIssuer = 16;
constexpr unsigned kNotation = 20;
constexpr int kMaxAttempts = 256;  // one in 256 fails

std::string sha256(std::string_view first, std::string_view second) {
  const DigestContext context(EVP_MD_CTX_new());
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  const bool done = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), first.data(), first.size()) == 1 &&
                    EVP_DigestUpdate(context.get(), second.data(), second.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), digest, &length) == 1;
  return done ? std::string(reinterpret_cast<const char*>(digest), length) : std::string();
}

std::string rsa_signature(EVP_PKEY* key, std::string_view digest) {
  const KeyContext context(EVP_PKEY_CTX_new(key, nullptr));
  std::string out(static_cast<std::size_t>(EVP_PKEY_get_size(key)), '\0');
  std::size_t length = out.size();
  const bool done = context && EVP_PKEY_sign_init(context.get()) == 1 &&
                    EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
                    EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1 &&
                    EVP_PKEY_sign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &length,
                                  reinterpret_cast<const unsigned char*>(digest.data()), digest.size()) == 1;
  out.resize(done ? length : 0);
  return out;
}

// A notation that says nothing, but makes another signature of the same text. Not critical: readers that do not know it
// pass over it (RFC 4880, sections 5.2.3.1 and 5.2.3.16).
std::string salt(int attempt) {
  constexpr std::string_view kName = "salt@notations.openpgpjs.org";
  return subpacket(kNotation, big_endian(0, 4) + big_endian(kName.size(), 2) + big_endian(1, 2) + std::string(kName) +
                                  big_endian(static_cast<std::uint64_t>(attempt), 1));
}

std::string key_id_of(std::string_view fingerprint) {
  std::string id;
  for (std::string_view rest = fingerprint.substr(fingerprint.size() - 16); !rest.empty(); rest.remove_prefix(2))
    id += static_cast<char>(std::stoi(std::string(rest.substr(0, 2)), nullptr, 16));
  return id;
}

}  // namespace

Result<RsaKey> make_rsa_key(const RsaNumbers& numbers) {
  const auto failed = [] { return fail("OpenSSL does not accept the private key"); };
  const Number n = secret_number(numbers.n), e = secret_number(numbers.e), d = secret_number(numbers.d);
  // OpenPGP has the inverse of p modulo q, OpenSSL wants that of its second prime modulo its first.
  const Number first = secret_number(numbers.q), second = secret_number(numbers.p);
  const Number coefficient = secret_number(numbers.u);
  const NumberContext context(BN_CTX_secure_new());
  const Number first_exponent = exponent_of(d, first, context.get());
  const Number second_exponent = exponent_of(d, second, context.get());
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder) return failed();
  const std::pair<const char*, const Number*> fields[] = {
      {OSSL_PKEY_PARAM_RSA_N, &n},
      {OSSL_PKEY_PARAM_RSA_E, &e},
      {OSSL_PKEY_PARAM_RSA_D, &d},
      {OSSL_PKEY_PARAM_RSA_FACTOR1, &first},
      {OSSL_PKEY_PARAM_RSA_FACTOR2, &second},
      {OSSL_PKEY_PARAM_RSA_EXPONENT1, &first_exponent},
      {OSSL_PKEY_PARAM_RSA_EXPONENT2, &second_exponent},
      {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, &coefficient},
  };
  for (const auto& [name, number] : fields) {
    if (!*number || OSSL_PARAM_BLD_push_BN(builder.get(), name, number->get()) != 1) return failed();
  }
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext maker(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !maker || EVP_PKEY_fromdata_init(maker.get()) != 1 ||
      EVP_PKEY_fromdata(maker.get(), &key, EVP_PKEY_KEYPAIR, parameters.get()) != 1)
    return failed();
  return RsaKey(key, EVP_PKEY_free);
}

RsaSigner::RsaSigner(RsaKey key, const std::string& fingerprint, const Clock& clock)
    : key_(std::move(key)), key_id_(key_id_of(fingerprint)), clock_(clock) {}

// A number that begins with a zero byte is written without it, and servers built with a recent Go refuse a number that
// is shorter than the modulus.
Result<std::string> RsaSigner::sign(std::string_view text) {
  const auto now = std::chrono::floor<std::chrono::seconds>(clock_.now()).time_since_epoch().count();
  const std::string subpackets =
      subpacket(kCreationTime, big_endian(static_cast<std::uint64_t>(now), 4)) + subpacket(kIssuer, key_id_);
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    auto signature = sign_once(text, attempt == 0 ? subpackets : subpackets + salt(attempt));
    if (!signature || !signature->empty()) return signature;
  }
  return fail("the key makes no signature that is as long as its modulus");
}

// RFC 4880, sections 5.2.3 and 5.2.4. Empty where the number is too short.
Result<std::string> RsaSigner::sign_once(std::string_view text, const std::string& subpackets) const {
  const std::string hashed = big_endian(kVersion, 1) + big_endian(kBinaryDocument, 1) + big_endian(kRsa, 1) +
                             big_endian(kSha256, 1) + big_endian(subpackets.size(), 2) + subpackets;
  const std::string trailer = big_endian(kVersion, 1) + "\xFF" + big_endian(hashed.size(), 4);
  const std::string digest = sha256(text, hashed + trailer);
  const std::string number = rsa_signature(key_.get(), digest);
  if (digest.empty() || number.empty()) return fail("OpenSSL made no signature", {}, Retry::later);
  if (number.front() == '\0') return std::string();
  const std::string not_hashed = big_endian(0, 2);
  const std::string body = hashed + not_hashed + digest.substr(0, 2) + mpi(number);
  return strip_armor(big_endian(kSignatureTag, 1) + packet_length(body.size()) + body);
}

}  // namespace mig_runner::sign

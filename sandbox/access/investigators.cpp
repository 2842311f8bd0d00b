#include "sandbox/access/investigators.h"

#include <algorithm>
#include <charconv>

#include "mig/json_writer.h"
#include "sandbox/access/public_key.h"
#include "sandbox/base/parameters.h"

namespace mig_sandbox {
namespace {

using mig_runner::fail;

// An investigator may do what a runner and an operator's console need, and not manage loaders, manifests and others.
constexpr std::string_view kPermissions =
    R"({"search":true,"action":true,"action_create":true,"command":true,"agent":true,"dashboard":true,"loader":false,)"
    R"("loader_status":false,"loader_expect":false,"loader_key":false,"loader_new":false,"manifest":false,)"
    R"("manifest_sign":false,"manifest_status":false,"manifest_new":false,"manifest_loaders":false,)"
    R"("investigator":false,"investigator_create":false,"investigator_update":false})";

// The last bytes of a fingerprint, in binary: the key id that a signature names as its issuer.
std::string key_id(std::string_view fingerprint) {
  std::string bytes;
  for (std::size_t at = fingerprint.size() - 16; at < fingerprint.size(); at += 2) {
    unsigned value = 0;
    std::from_chars(fingerprint.data() + at, fingerprint.data() + at + 2, value, 16);
    bytes += static_cast<char>(value);
  }
  return bytes;
}

}  // namespace

Result<void> Investigators::add(std::string_view armored, std::string name) {
  auto verifier = mig_runner::sign::Verifier::from_public_key(armored);
  if (!verifier) return tl::unexpected(verifier.error());
  auto key = read_public_key(armored);
  if (!key) return tl::unexpected(key.error());
  for (const auto& other : list_) {
    if (other.verifier.fingerprint() == verifier->fingerprint())
      return fail("the key " + verifier->fingerprint() + " is given twice");
  }
  list_.push_back({name.empty() ? key->name : std::move(name), std::move(key->armored), std::move(key->rsa_bytes),
                   *std::move(verifier)});
  return {};
}

Result<std::int64_t> Investigators::verify(std::string_view text, std::string_view signature) {
  const mig_runner::MutexLock lock(mutex_);
  for (std::size_t i = 0; i < list_.size(); ++i) {
    if (!list_[i].verifier.verify(text, signature)) continue;
    if (!is_full(list_[i], signature)) return fail("openpgp: invalid signature: RSA verification failure");
    return static_cast<std::int64_t>(i + 1);
  }
  return fail(complaint(signature));
}

bool Investigators::is_full(const Investigator& investigator, std::string_view signature) {
  const auto packet = decode_base64(signature.substr(0, signature.rfind('=')));
  const auto length = packet ? rsa_bytes_of_signature(*packet) : std::nullopt;
  const auto& full = investigator.rsa_bytes;
  return !length || std::find(full.begin(), full.end(), *length) != full.end();
}

std::string Investigators::complaint(std::string_view signature) const {
  const std::string_view body = signature.substr(0, signature.rfind('='));
  // The first character of base64 holds the first byte's upper bits: from 'g' on the top one is set.
  constexpr std::string_view kUpper = "ghijklmnopqrstuvwxyz0123456789+/";
  if (body.empty()) return "EOF";
  if (kUpper.find(body.front()) == std::string_view::npos)
    return "openpgp: invalid data: tag byte does not have MSB set";
  const auto packet = decode_base64(body);
  if (!packet) return "openpgp: invalid data: armor invalid";
  for (const auto& one : list_) {
    if (packet->find(key_id(one.verifier.fingerprint())) != std::string::npos)
      return "openpgp: invalid signature: hash tag doesn't match";
  }
  return "openpgp: signature made by unknown entity";
}

std::string Investigators::json(std::int64_t id) const {
  const auto& one = at(id);
  const std::string created = format_micros(created_);
  return R"({"id":)" + std::to_string(id) + R"(,"name":)" + mig_runner::mig::json_string(one.name) +
         R"(,"pgpfingerprint":")" + one.verifier.fingerprint() + R"(","status":"active","createdat":")" + created +
         R"(","lastmodified":")" + created + R"(","permissions":)" + std::string(kPermissions) + "}";
}

std::string Investigators::json_list(std::string_view ids) const {
  std::string out = "[";
  const char* at = ids.data() + (ids.empty() ? 0 : 1);
  const char* const end = ids.data() + ids.size();
  std::int64_t id = 0;
  while (at < end) {
    const auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc()) break;
    // The state of another time may name somebody who is no investigator now.
    if (id >= 1 && id <= size()) out += (out.size() > 1 ? "," : "") + json(id);
    at = next + 1;
  }
  return out + "]";
}

std::optional<std::string> Investigators::public_key(std::string_view fingerprint) const {
  for (const auto& one : list_) {
    if (one.verifier.fingerprint() == fingerprint) return one.armored;
  }
  return std::nullopt;
}

}  // namespace mig_sandbox

#include "sign/verifier.h"

#include "sign/rnp_handle.h"
#include "sign/stripped_armor.h"

namespace mig_runner::sign {

namespace {

// The last second that OpenPGP can name. A server looks at no clock when it verifies: seen from here, no key and no
// signature is from the future.
constexpr std::uint64_t kEndOfTime = 0xFFFFFFFF;

}  // namespace

struct Verifier::Impl {
  RnpFfi ffi;
  std::string fingerprint;
};

Verifier::Verifier(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Verifier::Verifier(Verifier&&) noexcept = default;
Verifier& Verifier::operator=(Verifier&&) noexcept = default;
Verifier::~Verifier() = default;

Result<Verifier> Verifier::from_public_key(std::string_view key) {
  auto impl = std::make_unique<Impl>();
  impl->ffi = make_ffi(kEndOfTime);
  const RnpInput input = memory_input(key);
  if (!impl->ffi || !input) return fail("librnp does not start", {}, Retry::later);
  if (rnp_load_keys(impl->ffi.get(), "GPG", input.get(), RNP_LOAD_SAVE_PUBLIC_KEYS) != RNP_SUCCESS)
    return fail("this is not an OpenPGP public key");
  const auto fingerprints = primary_fingerprints(impl->ffi.get());
  if (fingerprints.size() != 1)
    return fail("one OpenPGP public key is needed, not " + std::to_string(fingerprints.size()));
  impl->fingerprint = fingerprints.front();
  return Verifier(std::move(impl));
}

Result<void> Verifier::verify(std::string_view text, std::string_view signature) const {
  const auto packet = unstrip_armor(signature);
  if (!packet) return fail("this is not a signature: base64 has to be followed by = and its CRC-24");
  const RnpInput data = memory_input(text);
  const RnpInput detached = memory_input(*packet);
  rnp_op_verify_t operation = nullptr;
  if (rnp_op_verify_detached_create(&operation, impl_->ffi.get(), data.get(), detached.get()) != RNP_SUCCESS)
    return fail("librnp does not start", {}, Retry::later);
  const RnpVerify owner(operation);
  switch (rnp_op_verify_execute(operation)) {
    case RNP_SUCCESS:
      break;
    case RNP_ERROR_SIGNATURE_INVALID:
      return fail("the signature does not fit the text, or is by another key than " + impl_->fingerprint);
    default:
      return fail("this is not an OpenPGP signature");
  }
  std::size_t count = 0;
  rnp_op_verify_get_signature_count(operation, &count);
  if (count == 0) return fail("this is not an OpenPGP signature");
  return {};
}

const std::string& Verifier::fingerprint() const {
  return impl_->fingerprint;
}

}  // namespace mig_runner::sign

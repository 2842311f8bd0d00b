#include "sign/rnp_signer.h"

#include <chrono>

#include "sign/stripped_armor.h"

namespace mig_runner::sign {
namespace {

std::uint32_t seconds(const Clock& clock) {
  return static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(clock.now()).time_since_epoch().count());
}

}  // namespace

Result<std::unique_ptr<Signer>> RnpSigner::create(const Secret& packets, const std::string& fingerprint,
                                                  const Clock& clock) {
  RnpFfi ffi = make_ffi(seconds(clock));
  const RnpInput input = memory_input(packets.reveal());
  if (!ffi || !input) return fail("librnp does not start", {}, Retry::later);
  constexpr std::uint32_t kFlags = RNP_LOAD_SAVE_PUBLIC_KEYS | RNP_LOAD_SAVE_SECRET_KEYS;
  if (rnp_import_keys(ffi.get(), input.get(), kFlags, nullptr) != RNP_SUCCESS)
    return fail("librnp does not take the private key");
  RnpKey key = find_key(ffi.get(), fingerprint);
  if (!key) return fail("librnp does not take the private key");
  return std::unique_ptr<Signer>(new RnpSigner(std::move(ffi), std::move(key), clock));
}

Result<std::string> RnpSigner::sign(std::string_view text) {
  const auto failed = [] { return fail("librnp made no signature", {}, Retry::later); };
  const RnpInput input = memory_input(text);
  rnp_output_t memory = nullptr;
  if (!input || rnp_output_to_memory(&memory, 0) != RNP_SUCCESS) return failed();
  const RnpOutput output(memory);
  rnp_op_sign_t operation = nullptr;
  if (rnp_op_sign_detached_create(&operation, ffi_.get(), input.get(), memory) != RNP_SUCCESS) return failed();
  const RnpSign owner(operation);
  std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (rnp_op_sign_set_armor(operation, false) != RNP_SUCCESS ||
      rnp_op_sign_set_hash(operation, RNP_ALGNAME_SHA256) != RNP_SUCCESS ||
      rnp_op_sign_set_creation_time(operation, seconds(clock_)) != RNP_SUCCESS ||
      rnp_op_sign_add_signature(operation, key_.get(), nullptr) != RNP_SUCCESS ||
      rnp_op_sign_execute(operation) != RNP_SUCCESS ||
      rnp_output_memory_get_buf(memory, &bytes, &size, false) != RNP_SUCCESS)
    return failed();
  return strip_armor({reinterpret_cast<const char*>(bytes), size});
}

}  // namespace mig_runner::sign

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "sign/rnp_handle.h"
#include "sign/secret.h"
#include "sign/signer.h"

namespace mig_runner::sign {

// Signs with a key of any kind that librnp knows: slower than RsaSigner, which the servers' rule on the length of RSA
// signatures needs besides. Over SHA-256, or the hash that the key's size asks for.
class RnpSigner final : public Signer {
 public:
  // `packets` hold the key with this fingerprint, not protected.
  static Result<std::unique_ptr<Signer>> create(const Secret& packets, const std::string& fingerprint,
                                                const Clock& clock);
  Result<std::string> sign(std::string_view text) override;

 private:
  RnpSigner(RnpFfi ffi, RnpKey key, const Clock& clock) : ffi_(std::move(ffi)), key_(std::move(key)), clock_(clock) {}

  RnpFfi ffi_;
  RnpKey key_;
  const Clock& clock_;
};

}  // namespace mig_runner::sign

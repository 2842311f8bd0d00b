#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace mig_runner::sign {

// Verifies signatures in MIG's stripped form against one investigator's public key, as the server does: without looking
// at a clock, so that a key which has expired since still verifies what it signed. One thread at a time.
class Verifier {
 public:
  // An armored or binary OpenPGP public key.
  static Result<Verifier> from_public_key(std::string_view key);
  Verifier(Verifier&&) noexcept;
  Verifier& operator=(Verifier&&) noexcept;
  ~Verifier();

  // Error: not a signature, by another key, or does not fit the text.
  Result<void> verify(std::string_view text, std::string_view signature) const;
  // Primary fingerprint, 40 upper-case hex digits.
  const std::string& fingerprint() const;

 private:
  struct Impl;
  explicit Verifier(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mig_runner::sign

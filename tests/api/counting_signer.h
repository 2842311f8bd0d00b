#pragma once

#include <atomic>
#include <string>

#include "sign/signer.h"

namespace mig_runner::test {

// Signs with "SIG1", "SIG2", .. and counts; several signers may share a count.
class CountingSigner final : public sign::Signer {
 public:
  explicit CountingSigner(std::atomic<int>& count) : count_(count) {}
  Result<std::string> sign(std::string_view text) override {
    signed_text = text;
    return "SIG" + std::to_string(++count_);
  }
  std::string signed_text;

 private:
  std::atomic<int>& count_;
};

}  // namespace mig_runner::test

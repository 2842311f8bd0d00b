#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "sandbox/base/times.h"
#include "sign/verifier.h"

namespace mig_sandbox {

// Who may ask and post: public keys, known by their primary fingerprint. Add them all first; then safe from any
// thread.
class Investigators {
 public:
  explicit Investigators(Micros created) : created_(created) {}

  // An armored public key; its name is that of the key's user id where `name` is empty.
  Result<void> add(std::string_view armored, std::string name = {});

  // The id of the investigator whose signature over `text` this is. An Error is OpenPGP's complaint, worded as the
  // server's library does, which also refuses an RSA signature whose number is shorter than the key's modulus.
  Result<std::int64_t> verify(std::string_view text, std::string_view signature);

  // Ids from 1 on.
  std::int64_t size() const { return static_cast<std::int64_t>(list_.size()); }
  const std::string& name(std::int64_t id) const { return at(id).name; }
  // The server's JSON document about one.
  std::string json(std::int64_t id) const;
  // Of some, given as "[1,2]": "[{..},{..}]".
  std::string json_list(std::string_view ids) const;
  std::optional<std::string> public_key(std::string_view fingerprint) const;

 private:
  struct Investigator {
    std::string name;
    std::string armored;
    std::vector<std::size_t> rsa_bytes;
    mig_runner::sign::Verifier verifier;
  };
  const Investigator& at(std::int64_t id) const { return list_[static_cast<std::size_t>(id - 1)]; }
  static bool is_full(const Investigator& investigator, std::string_view signature);
  std::string complaint(std::string_view signature) const;

  Micros created_;
  std::vector<Investigator> list_;
  mig_runner::Mutex mutex_;  // one verification at a time
};

}  // namespace mig_sandbox

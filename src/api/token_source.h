#pragma once

#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "sign/signer.h"

namespace mig_runner::api {

// The authentication header of every request: an API key, or a signed token that is shared by all threads and reused
// for half of the server's default life (10 minutes). Safe from any thread.
class TokenSource {
 public:
  // X-MIGAPIKEY.
  explicit TokenSource(std::string api_key);
  // X-PGPAUTHORIZATION; `clock` outlives this.
  explicit TokenSource(const Clock& clock);

  // "Name: value". `signer` belongs to the calling thread and makes a new token where the shared one is too old.
  Result<std::string> header(sign::Signer& signer);
  // After a 401: the token `header` is not to be used again. No effect on an API key.
  void reject(const std::string& header);

 private:
  const Clock* clock_ = nullptr;
  std::string api_key_header_;
  Mutex mutex_;
  std::string header_ GUARDED_BY(mutex_);
  Timestamp made_ GUARDED_BY(mutex_){};
};

}  // namespace mig_runner::api

#pragma once

#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "sandbox/access/investigators.h"

namespace mig_sandbox {

// Decides who is let in, by signed token or API key (docs/protocol.md, "Signatures and tokens"). Safe from any thread.
class Authentication {
 public:
  // `investigators` outlives this.
  Authentication(Investigators& investigators, std::vector<std::string> api_keys,
                 std::chrono::nanoseconds token_duration, std::vector<std::string> limited_api_keys = {});

  // The values of X-PGPAUTHORIZATION and X-MIGAPIKEY; empty where a request has none. An Error is the server's own
  // text for a 401.
  Result<void> check(std::string_view token, std::string_view api_key, Timestamp now);
  // Whether it is that of an investigator with no permissions but search and dashboard.
  bool is_limited(std::string_view token, std::string_view api_key) const;

 private:
  Result<void> check_token(std::string_view token, Timestamp now);

  Investigators& investigators_;
  std::vector<std::string> api_keys_;
  std::vector<std::string> limited_api_keys_;
  std::chrono::nanoseconds token_duration_;
  mig_runner::Mutex mutex_;
  std::set<std::string, std::less<>> verified_ GUARDED_BY(mutex_);  // tokens, which come again and again
};

}  // namespace mig_sandbox

#include "sandbox/access/authentication.h"

#include <algorithm>
#include <utility>

namespace mig_sandbox {
namespace {

using mig_runner::fail;

constexpr std::size_t kMostRemembered = 1000;

bool contains(const std::vector<std::string>& keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

auto refuse(const std::string& why) {
  return fail("Authorization verification failed with error '" + why + "'");
}

}  // namespace

Authentication::Authentication(Investigators& investigators, std::vector<std::string> api_keys,
                               std::chrono::nanoseconds token_duration, std::vector<std::string> limited_api_keys)
    : investigators_(investigators),
      api_keys_(std::move(api_keys)),
      limited_api_keys_(std::move(limited_api_keys)),
      token_duration_(token_duration) {}

bool Authentication::is_limited(std::string_view token, std::string_view api_key) const {
  return token.empty() && contains(limited_api_keys_, api_key);
}

Result<void> Authentication::check(std::string_view token, std::string_view api_key, Timestamp now) {
  if (!token.empty()) return check_token(token, now);
  if (api_key.empty()) return fail("Valid authentication header not found");
  if (!contains(api_keys_, api_key) && !contains(limited_api_keys_, api_key))
    return refuse("API key authentication failed");
  return {};
}

Result<void> Authentication::check_token(std::string_view token, Timestamp now) {
  const std::size_t first = token.find(';');
  const std::size_t second = first == std::string_view::npos ? first : token.find(';', first + 1);
  const std::size_t third = second == std::string_view::npos ? second : token.find(';', second + 1);
  if (third == std::string_view::npos || token.find(';', third + 1) != std::string_view::npos)
    return refuse("verifySignedToken() -> invalid token format");
  if (token.substr(0, first) != "1") return refuse("verifySignedToken() -> unknown token version");
  const auto time = mig_runner::parse_rfc3339(token.substr(first + 1, second - first - 1));
  if (!time) return refuse("verifySignedToken() -> token timestamp is not in RFC3339 format");
  if (std::chrono::abs(now - *time) > token_duration_)
    return refuse("verifySignedToken() -> token timestamp is not within acceptable time limits");
  {
    const mig_runner::MutexLock lock(mutex_);
    if (verified_.contains(token)) return {};
  }
  const auto signer = investigators_.verify(std::string(token.substr(0, third)) + "\n", token.substr(third + 1));
  if (!signer) return refuse("verifySignedToken() -> " + signer.error().what);
  const mig_runner::MutexLock lock(mutex_);
  if (verified_.size() >= kMostRemembered) verified_.clear();
  verified_.emplace(token);
  return {};
}

}  // namespace mig_sandbox

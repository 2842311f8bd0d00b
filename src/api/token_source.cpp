#include "api/token_source.h"

#include <random>

namespace mig_runner::api {
namespace {

// Half of the server's default token duration, 10 minutes either side of its clock.
constexpr std::chrono::milliseconds kReuse = std::chrono::minutes(5);

std::string new_nonce() {
  // Below 2^53: the server may read it through a 64-bit float.
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return std::to_string(random() >> 11U);
}

std::string whole_seconds(Timestamp time) {
  return format_utc(std::chrono::floor<std::chrono::seconds>(time));
}

}  // namespace

TokenSource::TokenSource(std::string api_key) : api_key_header_("X-MIGAPIKEY: " + std::move(api_key)) {}

TokenSource::TokenSource(const Clock& clock) : clock_(&clock) {}

Result<std::string> TokenSource::header(sign::Signer& signer) {
  if (!api_key_header_.empty()) return api_key_header_;
  const auto now = clock_->now();
  const MutexLock lock(mutex_);
  const bool fresh = !header_.empty() && now >= made_ && now - made_ < kReuse;
  if (fresh) return header_;
  const auto token = "1;" + whole_seconds(now) + ";" + new_nonce();
  auto signature = signer.sign(token + "\n");
  if (!signature) return signature;
  header_ = "X-PGPAUTHORIZATION: " + token + ";" + *signature;
  made_ = now;
  return header_;
}

void TokenSource::reject(const std::string& header) {
  const MutexLock lock(mutex_);
  if (header_ == header) header_.clear();
}

}  // namespace mig_runner::api

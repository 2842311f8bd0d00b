#include "cli/api_access.h"

#include <stop_token>
#include <utility>

namespace mig_runner::cli {

Result<ApiAccess> open_api(const config::ClientConfig& config, const sign::Key& key, const Clock& clock) {
  auto signer = key.make_signer();
  if (!signer) return tl::unexpected(signer.error());
  ApiAccess access;
  access.tokens = config.useapikeyauth.empty() ? std::make_unique<api::TokenSource>(clock)
                                               : std::make_unique<api::TokenSource>(config.useapikeyauth);
  api::HttpOptions http;
  http.skip_verify_certificate = config.skipverifycert;
  access.client = std::make_unique<api::ApiClient>(config.api_url, api::make_curl_http(http, std::stop_token()),
                                                   std::move(*signer), *access.tokens);
  return access;
}

}  // namespace mig_runner::cli

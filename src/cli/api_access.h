#pragma once

#include <memory>

#include "api/api_client.h"
#include "api/token_source.h"
#include "base/clock.h"
#include "config/client_config.h"
#include "sign/signer.h"

namespace mig_runner::cli {

// A client for the API of the configuration, with what it needs. Private to the room.
struct ApiAccess {
  std::unique_ptr<api::TokenSource> tokens;
  std::unique_ptr<api::ApiClient> client;
};

// `clock` outlives it.
Result<ApiAccess> open_api(const config::ClientConfig& config, const sign::Key& key, const Clock& clock);

}  // namespace mig_runner::cli

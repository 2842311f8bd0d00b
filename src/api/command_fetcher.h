#pragma once

#include <cstdint>
#include <string>

#include "api/commands.h"
#include "api/http.h"
#include "api/token_source.h"

namespace mig_runner::api {

// Reads all commands of an action, page by page. One thread at a time. Private to the room.
class CommandFetcher {
 public:
  // `base_url` ends in '/'. All outlive the fetcher.
  CommandFetcher(std::string base_url, Http& http, sign::Signer& signer, TokenSource& tokens)
      : base_url_(std::move(base_url)), http_(http), signer_(signer), tokens_(tokens) {}

  // As ApiClient::fetch_commands.
  Result<FetchReport> fetch(std::int64_t action_id, const FetchOptions& options, const CommandSink& sink);

 private:
  class Reading;

  std::string base_url_;
  Http& http_;
  sign::Signer& signer_;
  TokenSource& tokens_;
};

}  // namespace mig_runner::api

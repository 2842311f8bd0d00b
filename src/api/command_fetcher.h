#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http.h"
#include "base/error.h"

namespace mig_runner::api {

// One command of a page. `json` is the command as the server wrote it and lives as long as the callback.
struct CommandSlice {
  std::int64_t id = 0;
  std::string_view status;  // sent success cancelled expired failed timeout; empty if the command has none
  std::string_view json;
};

// A command that exists and whose answer cannot be read or passed on.
struct UnreadableCommand {
  std::int64_t id = 0;  // 0: not known
  std::string agent;    // its name, as far as it can be read
  std::string reason;
};

// What a reading came to beside the commands that `sink` got.
struct FetchReport {
  std::vector<UnreadableCommand> unreadable;
};

struct FetchOptions {
  int page_size = 1000;
  int parallel_pages = 4;
  std::int64_t expected = 0;  // how many commands are known to exist; 0: not known
};

using CommandSink = std::function<Result<void>(const CommandSlice&)>;

// Reads all commands of an action, page by page. One thread at a time.
class CommandFetcher {
 public:
  using AnswerSink = std::function<void(std::size_t, Result<HttpAnswer>)>;
  // Performs the requests at the same time, each with the runner's token.
  using Exchange = std::function<void(std::vector<HttpRequest>, const AnswerSink&)>;

  // `base_url` ends in '/'.
  CommandFetcher(std::string base_url, Exchange exchange)
      : base_url_(std::move(base_url)), exchange_(std::move(exchange)) {}

  // As ApiClient::fetch_commands.
  Result<FetchReport> fetch(std::int64_t action_id, const FetchOptions& options, const CommandSink& sink);

 private:
  struct Batch {
    std::int64_t commands = 0;
    bool list_ended = false;
  };

  std::vector<HttpRequest> page_requests(std::int64_t action_id, std::int64_t page_size,
                                         const std::vector<std::int64_t>& pages) const;
  Result<Batch> fetch_pages(std::int64_t action_id, const FetchOptions& options, const std::vector<std::int64_t>& pages,
                            const CommandSink& sink);

  std::string base_url_;
  Exchange exchange_;
};

}  // namespace mig_runner::api

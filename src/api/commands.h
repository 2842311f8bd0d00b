#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

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
  bool may_pass = false;  // the page broke off or was refused: another reading may show it
};

// The outcome of a reading, beside the commands that `sink` got.
struct FetchReport {
  std::vector<UnreadableCommand> unreadable;
};

struct FetchOptions {
  int page_size = 1000;  // the most commands a page
  int parallel_pages = 4;
  std::int64_t expected = 0;  // how many commands are known to exist; 0: not known
};

using CommandSink = std::function<Result<void>(const CommandSlice&)>;

}  // namespace mig_runner::api

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/api_client.h"
#include "stages/collection.h"
#include "stages/stage_context.h"

namespace mig_runner::stages {

// The outcome of reading an action's commands, beside the commands that the collection got.
struct Reading {
  std::optional<Error> api_error;
  std::optional<Error> disk_error;
  std::vector<api::UnreadableCommand> unreadable;  // each once, and none that the collection has
};

// Reads all commands of `run`'s action into `collection`, several times where a reading shows fewer than `expected`.
Reading read_commands(api::ApiClient& api, const StageSettings& settings, const store::Run& run, std::int64_t expected,
                      Collection& collection);

// The fields of a run that describe its result file.
struct Contents {
  std::int64_t commands = 0, expected = 0;
  bool complete = false;
  std::string reason;  // a remark on it, or empty
  log::Level level = log::Level::info;
  Timestamp collected_at{};
};

Contents contents_of(const Collection& collection, const api::ActionStatus& status, const Reading& reading,
                     Timestamp collected_at);

}  // namespace mig_runner::stages

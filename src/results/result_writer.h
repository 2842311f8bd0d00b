#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_set>

#include "api/commands.h"
#include "results/result_file.h"

namespace mig_runner::results {

// Writes a result document as a stream: each command once, told apart by id, however often and in whatever order the
// API lists it, in the form that the file's name says. The file appears whole at finish() or not at all. One thread at
// a time.
class ResultWriter {
 public:
  static Result<ResultWriter> create(const PathBelow& path, std::string_view action_json);

  // A command that is in the file already is passed over.
  Result<void> add(const api::CommandSlice& command);
  bool has(std::int64_t command_id) const { return ids_.contains(command_id); }
  std::int64_t count() const { return static_cast<std::int64_t>(ids_.size()); }
  Result<void> finish(std::string_view job, std::string_view plugin);

 private:
  explicit ResultWriter(ResultFile file) : file_(std::move(file)) {}
  ResultFile file_;
  std::unordered_set<std::int64_t> ids_;
};

}  // namespace mig_runner::results

#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <unordered_set>

#include "api/api_client.h"
#include "base/file.h"

namespace mig_runner::runner {

// Writes a result document as a stream: each command once, told apart by id, however often and in whatever order the
// API lists it. The file appears whole at finish() or not at all. One thread at a time.
class ResultWriter {
 public:
  static Result<ResultWriter> create(const std::filesystem::path& path, std::string_view action_json);

  // A command that is in the file already is passed over.
  Result<void> add(const api::CommandSlice& command);
  std::int64_t count() const { return static_cast<std::int64_t>(ids_.size()); }
  Result<void> finish(std::string_view job, std::string_view plugin);

 private:
  explicit ResultWriter(DurableFile file) : file_(std::move(file)) {}
  DurableFile file_;
  std::unordered_set<std::int64_t> ids_;
};

// Whether a result file is there and has the beginning and the end of a result document: what is left of one that was
// cut or overwritten later fails, at the cost of two small reads. The Error says what is wrong.
Result<void> check_result_file(const std::filesystem::path& path);

}  // namespace mig_runner::runner

#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/time.h"

namespace mig_runner::store {

// Keeps a second runner off the same tree: an open file description lock (fcntl(2)) on state/lock, which names its
// holder. Held as long as this lives.
class TreeLock {
 public:
  // Retry::no with the holder ("process 4711 on HOST since 2026-11-23T08:00:00Z") where somebody else has it.
  static Result<TreeLock> acquire(const std::filesystem::path& state_directory, Timestamp now);

  // Who holds it, as above; nothing where nobody does.
  static std::optional<std::string> holder(const std::filesystem::path& state_directory);

 private:
  explicit TreeLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace mig_runner::store

#pragma once

#include <filesystem>

#include "base/error.h"
#include "base/file.h"

namespace mig_runner::store {

// A file or directory that is in use: what was renamed or removed goes on working for those who have it open, while
// others find nothing at its path, or something else. It is kept open, so that nothing new gets its inode's number.
class OpenedPath {
 public:
  static Result<OpenedPath> at(const std::filesystem::path& path);

  // An Error: Retry::no where the path does not lead to it, Retry::later where it cannot be told whether it does.
  Result<void> check() const;

 private:
  OpenedPath(std::filesystem::path path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  std::filesystem::path path_;
  UniqueFd fd_;  // with O_PATH
};

}  // namespace mig_runner::store

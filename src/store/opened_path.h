#pragma once

#include <sys/types.h>

#include <filesystem>

#include "base/error.h"

namespace mig_runner::store {

// A file or directory that is in use, by its device and inode: what was renamed or removed goes on working for those
// who have it open, while others find nothing at its path, or something else.
class OpenedPath {
 public:
  static Result<OpenedPath> at(const std::filesystem::path& path);

  // An Error (Retry::no) where the path does not lead to it, or it cannot be told whether it does.
  Result<void> check() const;

 private:
  OpenedPath(std::filesystem::path path, dev_t device, ino_t inode)
      : path_(std::move(path)), device_(device), inode_(inode) {}

  std::filesystem::path path_;
  dev_t device_;
  ino_t inode_;
};

}  // namespace mig_runner::store

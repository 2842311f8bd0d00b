#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/time.h"

namespace mig_runner::store {

class OpenedPath;

// Keeps a second runner off the same tree: an open file description lock (fcntl(2)) on state/lock, which names its
// holder, and a lock (flock(2)) on the tree's directory, which also holds while state/ is renamed or replaced. The
// latter is left out where the file system has none for directories (NFS) or the directory cannot be read. Held as long
// as this lives.
class TreeLock {
 public:
  // `state_directory` lies in the tree's directory; both are made where they are missing. Retry::no with the holder
  // ("process 4711 on HOST since 2026-11-23T08:00:00Z") where somebody else has it.
  static Result<TreeLock> acquire(const std::filesystem::path& state_directory, Timestamp now);
  TreeLock(TreeLock&&) noexcept;
  TreeLock& operator=(TreeLock&&) noexcept;
  ~TreeLock();

  // Who holds it, as above; nothing where nobody does.
  static Result<std::optional<std::string>> holder(const std::filesystem::path& state_directory);

  // An Error (Retry::no) where what is locked is not what others find there.
  Result<void> check() const;

 private:
  TreeLock(UniqueFd directory, UniqueFd file, std::vector<OpenedPath> places);

  UniqueFd directory_, file_;
  std::vector<OpenedPath> places_;  // the tree, state/ and state/lock
};

}  // namespace mig_runner::store

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace mig_runner::cli {

// The user that the runner works as, as far as it can be told. `check` judges as this user both who else may write to a
// path and whether the runner itself can.
class JudgedUser {
 public:
  // The owner of state/, which the runner makes at its first start. This process's user if there is no state/ yet, its
  // owner cannot be told, or root owns it: then a command of root has most likely made it by mistake.
  static JudgedUser of(const std::filesystem::path& directory);

  uid_t id() const { return id_; }
  // "NAME (UID)", and how it is known if it is not this process's user.
  std::string text() const;
  bool is_caller() const;
  // Only root can ask the kernel for another user.
  bool may_be_asked_for() const;

  // The answer of access(2) to this user: 0, or the number of the error. Another user's is asked by a child process
  // with the user's groups, so that access lists and mounts count as for the runner. The groups are those of the user
  // database; without an entry there, the group of state/. An Error: nothing can be told.
  Result<int> access(const std::filesystem::path& path, int mode) const;

 private:
  uid_t id_ = 0;
  gid_t group_ = 0;
  std::vector<gid_t> groups_;
  std::filesystem::path known_by_;
};

}  // namespace mig_runner::cli

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file_access.h"

namespace mig_runner::stages {

// A file or a directory by which others could make the runner post or execute something. docs/security.md has the same
// table for people.
struct GuardedPath {
  std::filesystem::path path;
  std::string_view reach;  // what its writer decides, as in "and so decide .."
  Entries entries = Entries::not_judged;
};

// The one judgement of the runner and of `check`; see other_writers() of file_access.h.
Result<std::vector<OtherWriter>> writers_of(const GuardedPath& guarded, uid_t self);

// Of the whole runner.
std::vector<GuardedPath> guarded_configuration(const std::filesystem::path& runner_cfg,
                                               const std::filesystem::path& client_cfg,
                                               const std::filesystem::path& gpg_home);
std::vector<GuardedPath> guarded_tree(const std::filesystem::path& directory);
// Of a job, with its plugin where that is not empty.
std::vector<GuardedPath> guarded_job(const std::filesystem::path& directory, const std::string& job,
                                     const std::string& plugin);
std::vector<GuardedPath> guarded_plugin(const std::filesystem::path& directory, const std::string& plugin);

// Why nothing is launched or run that rests on these paths: everybody may write to one of them, or an unprivileged user
// other than `self` owns it. Empty: nothing speaks against it. An Error (Retry::later): it cannot be told now.
Result<std::string> serious_objection(const std::vector<GuardedPath>& paths, uid_t self);

}  // namespace mig_runner::stages

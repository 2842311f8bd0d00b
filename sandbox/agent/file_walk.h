#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sandbox/agent/file_info.h"
#include "sandbox/agent/module.h"

namespace mig_sandbox {

// What a walk could not open: errors as the real agent words them, and their number.
struct WalkProblems {
  std::size_t open_failed = 0;
  std::size_t max_errors = 30;
  std::vector<std::string> errors;  // at most max_errors

  // `text` as of Go: "open /x: permission denied".
  void add(const std::string& text);
};

// Gives every file at and under `root` to `visit` with the depth of its directory (1 for files in `root` itself) until
// it says false. Directories below `max_depth` are not entered. A link to a file is that file, a link to a directory is
// left alone (except `root` itself), so there are no loops. Other file systems that are made up by the kernel (/proc,
// /sys, ..) are left alone, too, unless `root` lies in one. Memory grows with the number of directories not yet
// entered, not with files.
void walk_tree(const std::string& root, std::size_t max_depth, const Deadline& deadline, WalkProblems& problems,
               const std::function<bool(FileInfo, std::size_t depth)>& visit);

}  // namespace mig_sandbox

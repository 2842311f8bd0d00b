#pragma once

#include <filesystem>

namespace mig_sandbox {

struct DemoOptions {
  std::filesystem::path directory;  // must be new or empty; empty: a new one in the temporary directory
  std::filesystem::path runner;     // the mig-runner program; empty: beside this one, or where the build puts it
};

// The main job from end to end, without any server but our own: makes a tree with a key, configuration files, jobs and
// a plugin, starts `mig-sandbox serve` (this program again) and mig-runner on it, shows on standard output what happens
// and ends with a table. Takes less than a minute, leaves the tree. Returns the exit status: 0 when every job did what
// it should, else 1 after saying what went wrong. Starts processes, so call it before any thread is there.
int run_demo(const DemoOptions& options);

}  // namespace mig_sandbox

#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "base/file.h"

namespace mig_runner::spool {

// inotify on runners/ and on each job's directory. One thread.
class Watches {
 public:
  Watches();

  // -1 where the kernel gives no watch at all.
  int fd() const { return inotify_.get(); }
  void watch_root(const std::filesystem::path& directory);
  // Follows the directory under the name of its job; an earlier name of the same directory counts no more. Returns a
  // number for has() and forget(); -1 where there is no watch left, or no such directory: the scan sees to it.
  int watch(const std::string& job, const std::filesystem::path& directory);
  bool has(int watch) const { return jobs_.contains(watch); }
  // Does nothing where the directory has got another name meanwhile.
  void forget(int watch, const std::string& job);

  struct Events {
    std::set<std::string> jobs;  // something may have changed in these
    bool everything = false;     // events were lost, or runners/ itself was replaced: look at all
  };
  Events read();

 private:
  void take(int watch, unsigned mask, const char* name, Events& events);

  UniqueFd inotify_;
  int root_ = -1;
  std::map<int, std::string> jobs_;  // names by their watches
};

}  // namespace mig_runner::spool

#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/file.h"

namespace mig_runner::spool {

// inotify on runners/ and on each job's directory. One thread.
class Watches {
 public:
  Watches();

  // -1 where the kernel gives no watch at all.
  int fd() const { return inotify_.get(); }
  void watch_root(const std::filesystem::path& directory);
  void watch_job(const std::string& name, const std::filesystem::path& directory);
  bool has_job(const std::string& name) const { return numbers_.contains(name); }
  void forget_job(const std::string& name);

  struct Events {
    std::set<std::string> jobs;  // something may have changed in these
    bool everything = false;     // events were lost, or runners/ itself was replaced: look at all
  };
  Events read();

 private:
  void take(int watch, unsigned mask, const char* name, Events& events);

  UniqueFd inotify_;
  int root_ = -1;
  std::map<std::string, int> numbers_;
  std::map<int, std::string_view> jobs_;  // the same the other way, on the names there
};

}  // namespace mig_runner::spool

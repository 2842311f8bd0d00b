#pragma once

#include "base/file.h"
#include "plugin/plugin.h"

namespace mig_runner::plugin {

// A plugin that was started: leader of a process group of its own. Belongs to the caller (base/children.h).
struct Spawned {
  int process = -1;
  UniqueFd handle;  // pidfd: readable when it has ended
  UniqueFd output;  // reading ends of its standard output and error, not blocking
  UniqueFd errors;
  UniqueFd input;  // where the request has a feed: the writing end of its standard input, not blocking
};

Result<Spawned> spawn(const Request& request);

}  // namespace mig_runner::plugin

#pragma once

#include "base/child.h"
#include "base/file.h"
#include "plugin/plugin.h"

namespace mig_runner::plugin {

// A plugin that was started: leader of a process group of its own.
struct Spawned {
  Child child;
  UniqueFd output;  // reading ends of its standard output and error, not blocking
  UniqueFd errors;
  UniqueFd input;  // where the request has a feed: the writing end of its standard input, not blocking
};

Result<Spawned> spawn(const Request& request);

}  // namespace mig_runner::plugin

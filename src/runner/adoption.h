#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "runner/stage_context.h"

namespace mig_runner::runner {

// Takes over what an original runner left in runners/JOB/inflight/: each action that was launched and not collected
// becomes a posted run. Files stay until their results are stored. A record whose content is no action's is set aside
// as NAME.damaged with one message. One thread: the loop's.
class Adoption {
 public:
  // Looks at all records. Returns how many were taken over. What cannot be read or taken over now is told once, and
  // its end once.
  int look(const StageContext& context, Timestamp now);
  // Whether the last look left something that a later one may take over.
  bool is_left() const { return !left_.empty(); }

 private:
  using Left = std::map<std::filesystem::path, std::string>;  // with the reason

  void tell(log::Log& log, Left left);

  Left left_;
};

}  // namespace mig_runner::runner

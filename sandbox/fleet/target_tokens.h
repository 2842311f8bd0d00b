#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace mig_sandbox {

// A word of a target.
struct TargetToken {
  enum class Kind { word, quoted_name, number, text, sign };
  Kind kind;
  std::string source;  // as it stands in the target
  std::string value;   // a word in upper case, the characters of a text; otherwise as `source`
};

// An Error is PostgreSQL's complaint.
mig_runner::Result<std::vector<TargetToken>> split_target(std::string_view target);

}  // namespace mig_sandbox

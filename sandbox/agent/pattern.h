#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace re2 {
class RE2;
}

namespace mig_sandbox {

// A regular expression in Go's syntax; one that begins with "!" holds where the rest does not match.
class Pattern {
 public:
  // An Error reads as Go's own: "error parsing regexp: missing closing ]: `[`".
  static mig_runner::Result<Pattern> compile(const std::string& expression);
  // Whether the expression, without its "!", matches somewhere in `text`.
  bool found_in(std::string_view text) const;
  bool inverted() const { return inverted_; }
  bool holds_for(std::string_view text) const { return found_in(text) != inverted_; }

 private:
  std::shared_ptr<const re2::RE2> expression_;
  bool inverted_ = false;
};

}  // namespace mig_sandbox

#pragma once

#include <optional>
#include <string>
#include <vector>

namespace mig_runner::config {

// One thing that is wrong in a file. Line and column are 1-based, counted in lines and bytes; 0 is "the file as a
// whole".
struct Problem {
  std::string file;
  int line = 0;
  int column = 0;
  std::string message;  // one sentence: what is wrong and what would be right; never a value that may be secret
  bool fatal = true;    // false: a warning, the value is usable
  bool passes = false;  // true: nothing may be wrong, it cannot be read at the moment

  // "FILE:LINE:COLUMN: MESSAGE".
  std::string text() const;
  bool operator==(const Problem&) const = default;
};

inline bool any_fatal(const std::vector<Problem>& problems) {
  for (const auto& problem : problems)
    if (problem.fatal) return true;
  return false;
}

// A value and everything that is wrong with its source, in the order of the file. The value is there exactly when no
// problem is fatal.
template <class T>
struct Checked {
  std::optional<T> value;
  std::vector<Problem> problems;
};

}  // namespace mig_runner::config

#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "base/clock.h"

namespace mig_runner::cli {

inline constexpr int kExitFine = 0;
inline constexpr int kExitProblem = 1;
inline constexpr int kExitWrongUsage = 2;
inline constexpr int kExitCannotStart = 9;

// Where the output goes, and what it looks like there.
struct Streams {
  std::ostream& out;
  std::ostream& err;
  bool colour = false;  // `out` is a terminal that shows colours
  int width = 0;        // of the terminal, in columns; 0: no terminal, tables are as wide as their contents
};

// Runs what the arguments (with the program's name first) ask for and returns the exit status. Only the daemon, which
// runs where no command is named, reads a clock of its own.
int run_command_line(const std::vector<std::string>& arguments, const std::string& version, const Streams& streams,
                     const Clock& clock);

}  // namespace mig_runner::cli

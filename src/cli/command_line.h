#pragma once

#include <string>
#include <vector>

namespace mig_runner::cli {

inline constexpr int kExitFine = 0;
inline constexpr int kExitWrongUsage = 2;
inline constexpr int kExitCannotStart = 9;

// Runs what the arguments (with the program's name first) ask for and returns the exit status.
int run_command_line(const std::vector<std::string>& arguments, const std::string& version);

}  // namespace mig_runner::cli

#include <string>
#include <vector>

#include "cli/command_line.h"

int main(int argc, char** argv) {
  return mig_runner::cli::run_command_line(std::vector<std::string>(argv, argv + argc), MIG_RUNNER_VERSION);
}

#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "support/manual_clock.h"

namespace mig_runner::cli {

// What a command line did.
struct CommandRun {
  int status = -1;
  std::string out;
  std::string err;
};

struct Terminal {
  bool colour = false;
  int width = 0;
};

inline CommandRun run_command(std::vector<std::string> arguments, Terminal terminal = {},
                              const std::string& now = "2026-11-20T12:00:00Z") {
  std::ostringstream out;
  std::ostringstream err;
  arguments.insert(arguments.begin(), "mig-runner");
  const test::ManualClock clock(parse_rfc3339(now).value());
  const Streams streams{out, err, terminal.colour, terminal.width};
  const int status = run_command_line(arguments, "1.2.3", streams, clock);
  return {status, out.str(), err.str()};
}

// Sets TZ while it lives.
class LocalZone {
 public:
  explicit LocalZone(const char* name) { setenv("TZ", name, 1); }
  ~LocalZone() { unsetenv("TZ"); }
  LocalZone(const LocalZone&) = delete;
  LocalZone& operator=(const LocalZone&) = delete;
};

}  // namespace mig_runner::cli

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "cli/command_line.h"
#include "cli/subcommand.h"

// Private to the room: what a subcommand is made of. Each has a file of its own, named after it.
namespace mig_runner::cli {

// What every command gets. The configuration's name is known once the command line is parsed.
struct Context {
  const Streams& streams;
  const Clock& clock;
  std::string config = "/etc/mig/runner.cfg";
  bool config_named = false;  // by -c
};

struct Command {
  Subcommand subcommand;
  std::function<int()> run;  // returns the exit status
};

Command check_command(CLI::App& app, const Context& context);
Command collect_command(CLI::App& app, const Context& context);
Command history_command(CLI::App& app, const Context& context);
Command init_command(CLI::App& app, const Context& context);
Command launch_command(CLI::App& app, const Context& context);
Command list_command(CLI::App& app, const Context& context);
Command next_command(CLI::App& app, const Context& context);
Command pause_command(CLI::App& app, const Context& context);
Command redeliver_command(CLI::App& app, const Context& context);
Command render_command(CLI::App& app, const Context& context);
Command results_command(CLI::App& app, const Context& context);
Command resume_command(CLI::App& app, const Context& context);
Command show_command(CLI::App& app, const Context& context);
Command status_command(CLI::App& app, const Context& context);
Command store_command(CLI::App& app, const Context& context);

// "mig-runner: WHERE: WHAT" on the error stream; returns `status`.
int complain(const Context& context, const Error& error, int status);

}  // namespace mig_runner::cli

#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>

#include "base/nearest.h"
#include "cli/command.h"
#include "cli/output.h"
#include "daemon/daemon.h"

namespace mig_runner::cli {
namespace {

// Go's flag package, which the original uses, also takes "-c=FILE".
std::vector<std::string> without_go_style(const std::vector<std::string>& arguments) {
  std::vector<std::string> plain;
  for (const auto& argument : arguments) {
    if (argument.starts_with("-c=")) {
      plain.emplace_back("-c");
      plain.push_back(argument.substr(3));
    } else {
      plain.push_back(argument);
    }
  }
  return plain;
}

int run_daemon(const Context& context) {
  const auto daemon = daemon::Daemon::start(context.config);
  // The service manager tries again if the failure may pass.
  if (!daemon)
    return complain(context, daemon.error(), daemon.error().retry == Retry::no ? kExitCannotStart : kExitProblem);
  if (!*daemon) return kExitFine;  // a signal asked for the end
  const auto ended = (*daemon)->run();
  return ended ? kExitFine : complain(context, ended.error(), kExitProblem);
}

Command run_command(CLI::App& app, const Context& context) {
  const Subcommand command(app, "run", "Run the jobs at their times: the daemon, also where no command is named");
  command.add_example("mig-runner run -c /etc/mig/runner.cfg");
  return {command, [&context] { return run_daemon(context); }};
}

// A URI where none belongs may hold a password.
std::string without_uris(std::string text) {
  for (auto at = text.find("://"); at != std::string::npos; at = text.find("://", at)) {
    at += 3;
    const auto end = std::min(text.find('\n', at), text.size());
    text.replace(at, end - at, "..");
  }
  return text;
}

// What is wrong with the command line, and the nearest command where an unknown one was named.
std::string usage_text(const CLI::App& app, const CLI::ParseError& error) {
  std::string text = error.what();
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  const auto remaining = app.remaining();
  if (app.get_subcommands().empty() && !remaining.empty() && !remaining.front().starts_with('-')) {
    const auto nearest = nearest_name(remaining.front(), names);
    text = "there is no command \"" + remaining.front() + "\"" +
           (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?");
  }
  return text + "\n--help says how it is used";
}

}  // namespace

int complain(const Context& context, const Error& error, int status) {
  const auto text = error.text();
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    context.streams.err << "mig-runner: " << printable(std::string_view(text).substr(begin, end - begin)) << '\n';
    begin = end + 1;
  }
  return status;
}

int run_command_line(const std::vector<std::string>& arguments, const std::string& version, const Streams& streams,
                     const Clock& clock) {
  CLI::App app("Runs scheduled investigations on a MIG fleet.", "mig-runner");
  Context context{streams, clock};
  bool show_version = false;
  auto* config = app.add_option("-c", context.config, "configuration file")->type_name("FILE")->capture_default_str();
  app.add_flag("-V,--version", show_version, "print the version and exit");
  app.footer("Example:\n  mig-runner -c /etc/mig/runner.cfg check");
  app.fallthrough();  // -c is taken behind a command too
  app.require_subcommand(0, 1);
  const Command commands[] = {
      run_command(app, context),     check_command(app, context),     list_command(app, context),
      next_command(app, context),    render_command(app, context),    launch_command(app, context),
      status_command(app, context),  history_command(app, context),   show_command(app, context),
      results_command(app, context), redeliver_command(app, context), collect_command(app, context),
      pause_command(app, context),   resume_command(app, context),    store_command(app, context),
      init_command(app, context)};

  const auto plain = without_go_style(arguments);
  std::vector<const char*> raw;
  raw.reserve(plain.size());
  for (const auto& argument : plain) raw.push_back(argument.c_str());
  try {
    app.parse(static_cast<int>(raw.size()), raw.data());
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help
      app.exit(error, streams.out, streams.err);
      streams.out << '\n';
      return kExitFine;
    }
    return complain(context, {without_uris(usage_text(app, error)), {}}, kExitWrongUsage);
  }
  if (show_version) {
    streams.out << "mig-runner " << version << '\n';
    return kExitFine;
  }
  context.config_named = config->count() > 0;
  for (const auto& command : commands)
    if (command.subcommand.was_named()) return command.run();
  return run_daemon(context);
}

}  // namespace mig_runner::cli

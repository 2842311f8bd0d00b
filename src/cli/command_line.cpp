#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "runner/daemon.h"

namespace mig_runner::cli {
namespace {

// Go's flag package, which the original uses, also takes one dash for long forms and "-c=FILE".
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

int run_daemon(const std::string& config) {
  const auto daemon = runner::Daemon::start(config);
  if (!daemon) {
    std::cerr << "mig-runner: " << daemon.error().text() << '\n';
    return kExitCannotStart;
  }
  (*daemon)->run();
  return kExitFine;
}

}  // namespace

int run_command_line(const std::vector<std::string>& arguments, const std::string& version) {
  CLI::App app("Runs scheduled investigations on a MIG fleet.", "mig-runner");
  std::string config = "/etc/mig/runner.cfg";
  bool show_version = false;
  app.add_option("-c", config, "configuration file")->type_name("FILE")->capture_default_str();
  app.add_flag("-V", show_version, "print the version and exit");
  app.footer("Example:\n  mig-runner -c /etc/mig/runner.cfg");

  const auto plain = without_go_style(arguments);
  std::vector<const char*> raw;
  raw.reserve(plain.size());
  for (const auto& argument : plain) raw.push_back(argument.c_str());
  try {
    app.parse(static_cast<int>(raw.size()), raw.data());
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return kExitWrongUsage;
  }
  if (show_version) {
    std::cout << "mig-runner " << version << '\n';
    return kExitFine;
  }
  return run_daemon(config);
}

}  // namespace mig_runner::cli

#include <CLI/CLI.hpp>

#include "sandbox/demo/demo.h"
#include "sandbox/server/serve_command.h"

int main(int argc, char** argv) {
  CLI::App app("A MIG to try mig-runner against: a MIG API on loopback with simulated agents", "mig-sandbox");
  app.set_version_flag("-V,--version", "mig-sandbox " MIG_SANDBOX_VERSION);
  app.require_subcommand(1);
  auto* serve = app.add_subcommand("serve", "Serve a MIG API on loopback until SIGTERM or SIGINT");
  mig_sandbox::ServeCommand serve_command(*serve);
  auto* demo = app.add_subcommand("demo", "Show the main job of mig-runner from end to end");
  mig_sandbox::DemoOptions demo_options;
  demo->add_option("directory", demo_options.directory,
                   "new or empty directory for the demo's tree; default: a temporary one");
  demo->add_option("--runner", demo_options.runner, "the mig-runner program; default: the one beside this");
  CLI11_PARSE(app, argc, argv);
  return *serve ? serve_command.run() : mig_sandbox::run_demo(demo_options);
}

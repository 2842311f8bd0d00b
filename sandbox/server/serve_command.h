#pragma once

#include <memory>

namespace CLI {
class App;
}

namespace mig_sandbox {

struct ServeSettings;

// `mig-sandbox serve`: its options on `command`, and running what they say.
class ServeCommand {
 public:
  explicit ServeCommand(CLI::App& command);
  ServeCommand(const ServeCommand&) = delete;
  ServeCommand& operator=(const ServeCommand&) = delete;
  ~ServeCommand();

  // Serves until SIGTERM or SIGINT; call it after the command line is read and before any thread is there. Returns the
  // exit status: 0, or 1 after saying why it cannot start.
  int run();

 private:
  std::unique_ptr<ServeSettings> settings_;
};

}  // namespace mig_sandbox

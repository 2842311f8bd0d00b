#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"

namespace mig_runner::daemon {

// The runner as a process: reads its configuration, starts the engine, follows the spool, the clock and signals.
class Daemon {
 public:
  // Everything that must be right before the runner can start: configuration, key, log, the tree's lock, the store. The
  // Error is one or more lines for standard error. SIGTERM, SIGINT and SIGHUP are blocked from here on, SIGPIPE
  // ignored; call before other threads exist. What may pass by itself (StartWait) is waited for; null where a signal
  // ended the waiting.
  static Result<std::unique_ptr<Daemon>> start(const std::filesystem::path& runner_cfg);
  ~Daemon();

  // Until SIGTERM or SIGINT. SIGHUP reads the configuration again and reopens log files; a broken one is reported and
  // the runner goes on with what it has. An Error where it cannot go on with the new one: whoever started it may start
  // it again.
  Result<void> run();

 private:
  struct Impl;
  explicit Daemon(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mig_runner::daemon

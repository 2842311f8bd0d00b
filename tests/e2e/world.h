#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "e2e/process.h"
#include "support/scratch_directory.h"

namespace mig_runner::test {

// A GnuPG home with one investigator's RSA key, made once for the whole test program.
struct Keyring {
  std::filesystem::path home;
  std::filesystem::path public_key;
  std::string fingerprint;
};
const Keyring& keyring();

// A runner's tree with its configuration, a sandbox and a runner, as an operator would set them up.
class World {
 public:
  World();
  ~World();

  // What follows in each section of the configuration files.
  std::string runner_settings, logging_settings = "mode = stdout\nlevel = debug\n", client_settings, api_settings,
                               gpg_settings, other_client_sections;
  std::string scheme = "http";

  void start_sandbox(const std::vector<std::string>& arguments = {});
  void stop_sandbox();
  void write_configuration() const;
  // Starts the runner without waiting for anything.
  void start_runner(const std::map<std::string, std::string>& environment = {});
  // SIGTERM; the exit status.
  int stop_runner();
  void kill_runner();

  void job(const std::string& name, const std::string& entity, const std::string& action = default_action()) const;
  void plugin(const std::string& name, const std::string& script) const;
  static std::string default_action();

  // The result documents of a job, oldest first.
  std::vector<nlohmann::json> results(const std::string& job) const;
  // What the sandbox accepted.
  nlohmann::json posts() const;
  void add_fault(const std::string& fault) const;
  void clear_faults() const;
  int posts_of(const std::string& job) const;
  // How many requests have met a fault.
  int fault_hits() const;
  std::string log() const { return runner->output(); }
  bool log_has(const std::string& text) const { return log().find(text) != std::string::npos; }
  int log_count(const std::string& text) const;
  std::string file(const std::string& name) const { return read_text(directory.path() / name); }
  std::filesystem::path path(const std::string& name) const { return directory.path() / name; }

  ScratchDirectory directory;
  std::unique_ptr<Process> sandbox, runner;
  int port = 0;
};

}  // namespace mig_runner::test

#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "sandbox/demo/demo_jobs.h"

namespace mig_sandbox {

using mig_runner::Result;

// The demo's directory:
//   runner.cfg, client.cfg, passphrase     configuration as an operator writes it
//   gnupg/, public.asc                     the investigator's key
//   runner/runners, runner/plugins         the runner's own tree
//   decoy/                                 the file that the hash hunt finds
class DemoTree {
 public:
  // Takes an empty or new directory, or makes a temporary one where `directory` is empty.
  static Result<DemoTree> create(const std::filesystem::path& directory);

  // Makes an RSA key that is locked with a random passphrase. Ends the gpg-agent that this starts.
  Result<void> make_key();
  Result<void> write_configuration(int api_port) const;
  Result<void> write_plugin() const;
  // Puts a job into place whole, as one who edits elsewhere and moves does.
  Result<void> add_job(const DemoJob& job) const;
  Result<DemoPlaces> plant_decoy(int api_port) const;
  // The runner, too, asks gpg for the key, which starts an agent that would outlive us.
  void stop_gpg_agent() const;

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path runner_directory() const { return root_ / "runner"; }
  std::filesystem::path runner_configuration() const { return root_ / "runner.cfg"; }
  std::filesystem::path public_key() const { return root_ / "public.asc"; }

 private:
  explicit DemoTree(std::filesystem::path root) : root_(std::move(root)) {}
  Result<void> run_gpg(const std::vector<std::string>& arguments, const std::filesystem::path& output) const;

  std::filesystem::path root_;
  std::string fingerprint_;
};

}  // namespace mig_sandbox

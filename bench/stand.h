#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/time.h"
#include "bench/process.h"
#include "sign/signer.h"

namespace mig_bench {

struct Options {
  bool quick = false;  // fewer rounds and smaller sizes: for a first look, not for the table
  int rounds() const { return quick ? 1 : 5; }
};

inline constexpr const char* kApiKey = "bench";

// A directory that is removed with this.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// An investigator's RSA-2048 key, made once for the whole program.
struct Investigator {
  std::filesystem::path home;
  std::filesystem::path public_key;
  std::string fingerprint;
};
const Investigator& investigator();
std::unique_ptr<mig_runner::sign::Signer> make_signer();

// `mig-sandbox serve`, with the options of the command line.
class Sandbox {
 public:
  explicit Sandbox(const std::vector<std::string>& arguments = {});

  int port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/api/v1/"; }
  nlohmann::json get(const std::string& path) const;  // below the address, as "/sandbox/posts"
  // Posts a signed action and returns its id.
  std::int64_t post(const std::string& document) const;
  // Of an action's only item.
  nlohmann::json action(std::int64_t id) const;
  Process& process() { return *process_; }

 private:
  Scratch scratch_;
  std::unique_ptr<Process> process_;
  int port_ = 0;
};

// A runner's tree, and the runner on it.
class Tree {
 public:
  // `settings` are lines of [runner]; the API is on `port`.
  explicit Tree(int port, const std::string& settings = {});

  void job(const std::string& name, const std::string& entity, const std::string& action) const;
  void plugin(const std::string& name, const std::string& script) const;
  void start();
  std::filesystem::path path(const std::string& name) const { return scratch_.path() / name; }
  std::filesystem::path log() const { return path("runner.log"); }
  Process& runner() { return *runner_; }
  std::vector<std::string> command(const std::vector<std::string>& arguments) const;

 private:
  Scratch scratch_;
  std::unique_ptr<Process> runner_;
};

// An action that was signed as the runner signs it.
std::string signed_action(const std::string& template_json, const std::string& job, mig_runner::Timestamp now,
                          std::chrono::seconds expiry, mig_runner::sign::Signer& signer);

mig_runner::Timestamp now();
// "SS MM HH DD MM * YYYY", in UTC.
std::string once_at(mig_runner::Timestamp time);

// A small action, as jobs launch them.
std::string small_action();
// One whose results have about 2.5 KB a command.
std::string large_action();

}  // namespace mig_bench

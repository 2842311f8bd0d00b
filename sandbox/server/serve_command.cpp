#include "sandbox/server/serve_command.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "sandbox/server/server.h"

namespace mig_sandbox {

struct ServeSettings {
  std::string listen = "127.0.0.1:1664";
  std::vector<std::string> public_keys;
  std::vector<std::string> api_keys;
  std::vector<std::string> limited_api_keys;
  std::string certificate;
  std::string key;
  std::string token_duration = "10m";
  std::string scheduler_delay = "3s";
  std::string state;
  std::string port_file;
  std::vector<std::string> faults;
  FleetOptions fleet;
  bool no_local_agent = false;
};

namespace {

using mig_runner::fail;
using mig_runner::Result;

constexpr const char* kFooter =
    "A fault is KIND[:rate=0..1][,count=N][,path=PART][,SETTING=VALUE]. KIND is 500, 401, html, html-after, latency,\n"
    "hang, reset-before, reset-inside, reset-after, answer-lost, cut-json, broken-json, unstable-pages, exponent-ids,\n"
    "stored-500, orphan, other-action, preparing, late-answers, deep-answer or huge-answer (mig-sandbox(1) has what "
    "each\n"
    "does and its settings); PART is part of \"METHOD /path?query\".\n"
    "While it runs: GET, POST (a fault as the body) and DELETE /sandbox/faults; GET /sandbox/posts lists what was\n"
    "stored.";

Result<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || !text) return fail("cannot be read", path);
  return text.str();
}

// "127.0.0.1:1664" or "[::1]:0"; localhost is 127.0.0.1.
Result<void> split_listen(const std::string& listen, ServerOptions& options) {
  const std::size_t colon = listen.rfind(':');
  const std::string port = colon == std::string::npos ? std::string() : listen.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos ||
      std::stoi(port) > 65535)
    return fail("--listen is ADDRESS:PORT, as 127.0.0.1:1664, not \"" + listen + '"');
  options.port = static_cast<std::uint16_t>(std::stoi(port));
  options.address = listen.substr(0, colon);
  if (options.address == "localhost") options.address = "127.0.0.1";
  if (options.address.starts_with('[') && options.address.ends_with(']'))
    options.address = options.address.substr(1, options.address.size() - 2);
  return {};
}

Result<void> read_tls(const ServeSettings& settings, ServerOptions& options) {
  if (settings.certificate.empty() != settings.key.empty()) return fail("--tls-cert and --tls-key go together");
  if (settings.certificate.empty()) return {};
  auto certificate = read_text(settings.certificate);
  if (!certificate) return tl::unexpected(certificate.error());
  auto key = read_text(settings.key);
  if (!key) return tl::unexpected(key.error());
  options.certificate = *std::move(certificate);
  options.key = *std::move(key);
  return {};
}

Result<ServerOptions> make_options(const ServeSettings& settings) {
  ServerOptions options;
  if (auto done = split_listen(settings.listen, options); !done) return tl::unexpected(done.error());
  if (auto done = read_tls(settings, options); !done) return tl::unexpected(done.error());
  for (const auto& path : settings.public_keys) {
    auto key = read_text(path);
    if (!key) return tl::unexpected(key.error());
    options.investigators.push_back({*std::move(key), {}});
  }
  const auto duration = mig_runner::parse_go_duration(settings.token_duration);
  if (!duration) return fail("--token-duration: " + duration.error().what);
  options.token_duration = *duration;
  const auto delay = mig_runner::parse_go_duration(settings.scheduler_delay);
  if (!delay) return fail("--scheduler-delay: " + delay.error().what);
  options.scheduler_delay = std::chrono::duration_cast<std::chrono::milliseconds>(*delay);
  options.api_keys = settings.api_keys;
  options.limited_api_keys = settings.limited_api_keys;
  options.fleet = settings.fleet;
  options.state = settings.state;
  options.faults = settings.faults;
  if (!settings.no_local_agent) options.local_agent = this_machine();
  return options;
}

// Appears whole: who waits for it never reads half a number.
Result<void> write_port_file(const std::string& path, std::uint16_t port) {
  if (path.empty()) return {};
  const std::string temporary = path + ".tmp";
  std::ofstream(temporary) << port << '\n';
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return mig_runner::fail_errno("cannot be written", path);
  return {};
}

int complain(const mig_runner::Error& error) {
  std::cerr << "mig-sandbox serve: " << error.text() << '\n';
  return 1;
}

}  // namespace

ServeCommand::ServeCommand(CLI::App& command) : settings_(std::make_unique<ServeSettings>()) {
  auto& s = *settings_;
  command.footer(kFooter);
  command.add_option("--listen", s.listen, "ADDRESS:PORT on loopback; port 0: any that is free")->capture_default_str();
  command.add_option("--port-file", s.port_file, "file that gets the port once the sandbox listens");
  command.add_option("--public-key", s.public_keys, "armored public key of an investigator; may repeat")
      ->allow_extra_args(false);
  command.add_option("--api-key", s.api_keys, "key that is let in by X-MIGAPIKEY; may repeat")->allow_extra_args(false);
  command
      .add_option("--limited-api-key", s.limited_api_keys,
                  "the same, for no more than searching and the dashboard; may repeat")
      ->allow_extra_args(false);
  command.add_option("--token-duration", s.token_duration, "how far a token's time may be off")->capture_default_str();
  command
      .add_option("--scheduler-delay", s.scheduler_delay,
                  "from an action's expiry until its commands without an answer are ended")
      ->capture_default_str();
  command.add_option("--tls-cert", s.certificate, "PEM file: serve HTTPS");
  command.add_option("--tls-key", s.key, "PEM file");
  command.add_option("--state", s.state, "SQLite file that keeps actions and commands; without it they are in memory");
  command.add_option("--fault", s.faults, "a fault from the start, see below; may repeat")->allow_extra_args(false);
  command.add_flag("--no-local-agent", s.no_local_agent, "no agent on this machine");
  const CLI::Range part(0.0, 1.0);
  command.add_option("--agents", s.fleet.agents, "number of simulated agents")->check(CLI::Range(0, 1'000'000));
  command.add_option("--seed", s.fleet.seed, "what the simulated agents and the faults follow from")
      ->capture_default_str();
  command.add_option("--away", s.fleet.away, "part of the simulated agents that is idle, offline or destroyed")
      ->check(part)
      ->capture_default_str();
  command.add_option("--late", s.fleet.late, "part of their answers that comes around the action's expiry")
      ->check(part)
      ->capture_default_str();
  command.add_option("--failed", s.fleet.failed, "part that fails")->check(part)->capture_default_str();
  command.add_option("--silent", s.fleet.silent, "part that never comes")->check(part)->capture_default_str();
  command.add_option("--speed", s.fleet.speed, "divides the time the simulated agents take to answer")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

ServeCommand::~ServeCommand() = default;

int ServeCommand::run() {
  auto options = make_options(*settings_);
  if (!options) return complain(options.error());
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  // All threads to come inherit this: the signals wait for sigwait below.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  const auto& clock = mig_runner::system_clock();
  const auto server = Server::start(*std::move(options), clock);
  if (!server) return complain(server.error());
  std::cout << "listening on " << (*server)->url() << std::endl;
  if (auto written = write_port_file(settings_->port_file, (*server)->port()); !written)
    return complain(written.error());
  int signal = 0;
  sigwait(&signals, &signal);
  return 0;
}

}  // namespace mig_sandbox

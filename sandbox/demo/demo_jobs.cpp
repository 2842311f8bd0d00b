#include "sandbox/demo/demo_jobs.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace mig_sandbox {

using nlohmann::json;

namespace {

// The seven fields: second minute hour day month weekday year.
std::string once_at(std::chrono::sys_seconds time) {
  return fmt::format("{:%S %M %H %d %m} * {:%Y}", fmt::gmtime(time), fmt::gmtime(time));
}

std::string entity(std::chrono::sys_seconds time, std::string_view more) {
  return fmt::format("[configuration]\nschedule = \"{}\"\n{}", once_at(time), more);
}

std::string action(std::string_view title, std::string_view target, std::string_view module, const json& parameters,
                   bool compressed = false) {
  json operation = {{"module", module}, {"parameters", parameters}};
  if (compressed) operation["want_compressed"] = true;
  const json document = {{"name", title},
                         {"target", target},
                         {"description", {{"author", "Demo"}, {"email", "security@example.net"}, {"revision", 1}}},
                         {"threat", {{"level", "info"}, {"family", "compliance"}, {"type", "system"}}},
                         {"operations", {operation}}};
  return document.dump(2) + "\n";
}

}  // namespace

const char* const kDemoPluginName = "findings";

std::vector<DemoJob> demo_jobs(std::chrono::sys_seconds first, const DemoPlaces& places) {
  constexpr const char* linux_agents = "status='online' AND environment->>'os'='linux'";
  const auto second = [&](int n) { return first + std::chrono::seconds(n); };
  const std::string plugin = fmt::format("plugin = {}\n", kDemoPluginName);
  const auto search = [](const char* label, const json& body) -> json { return {{"searches", {{label, body}}}}; };

  return {
      {"world-writable", "files under /etc that everybody may write",
       entity(second(0), plugin + "expiry = 12s\ncollect = completed\n"),
       action("World-writable files under /etc", linux_agents, "file",
              search("worldwritable", {{"paths", {"/etc"}},
                                       {"modes", {"^-.......w.$"}},
                                       {"options", {{"matchall", true}, {"matchlimit", 50}}}}))},
      {"openssl-packages", "installed packages named openssl",
       entity(second(1), plugin + "expiry = 12s\ncollect = completed\n"),
       action("Packages named openssl", linux_agents, "pkg",
              {{"pkgmatch", {{"matches", {"^openssl$", "^libssl[0-9]"}}}}}, true)},
      {"listening-ports", "services that listen: ssh, telnet, http, databases",
       entity(second(2), plugin + "expiry = 12s\ncollect = completed\n"),
       action("Listening services", "status='online'", "netstat",
              {{"listeningport", {"22", "23", "80", "443", "3306", "5432", "6379", std::to_string(places.api_port)}}})},
      {"known-bad-hashes", "a file with a known-bad SHA-256 (the demo planted one)",
       entity(second(3), plugin + "expiry = 12s\ncollect = completed\n"),
       action("Known-bad hashes", linux_agents, "file",
              search("knownbad", {{"paths", {places.decoy_directory.string(), "/var/tmp"}},
                                  {"sizes", {"<1m"}},
                                  {"sha2", {places.decoy_sha256}},
                                  {"options", {{"matchall", true}, {"maxdepth", 3}, {"returnsha256", true}}}}))},
      {"password-logins", "ssh servers that let in by password (target is a macro; collected at expiry)",
       entity(second(4), plugin + "expiry = 10s\n"),
       action("Password logins over ssh", "everybody", "file",
              search("sshd", {{"paths", {"/etc/ssh"}},
                              {"names", {"^sshd_config$", "\\.conf$"}},
                              {"contents", {"^\\s*PasswordAuthentication\\s+yes"}},
                              {"options", {{"maxdepth", 2}}}}))},
      {"reach-the-api", "can agents reach the API (sendonly: nothing is collected)",
       entity(second(5), "expiry = 10s\nsendonly = true\n"),
       action("Reach the API", "everybody", "ping",
              {{"protocol", "tcp"},
               {"destination", "127.0.0.1"},
               {"destinationport", places.api_port},
               {"count", 1},
               {"timeout", 2}}),
       true},
  };
}

}  // namespace mig_sandbox

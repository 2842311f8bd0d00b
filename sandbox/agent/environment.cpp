#include <sys/utsname.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "sandbox/agent/local_agent.h"
#include "sandbox/agent/sockets.h"

namespace mig_sandbox {

using nlohmann::json;

namespace {

std::map<std::string, std::string> read_os_release() {
  std::map<std::string, std::string> values;
  std::ifstream file("/etc/os-release");
  for (std::string line; std::getline(file, line);) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    std::string value = line.substr(equals + 1);
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'')) value = value.substr(1, value.size() - 2);
    values[line.substr(0, equals)] = value;
  }
  return values;
}

// "Debian 12 bookworm": distributor, release and code name.
std::string ident() {
  const auto release = read_os_release();
  const auto value = [&](const char* key) {
    const auto found = release.find(key);
    return found == release.end() ? std::string() : found->second;
  };
  std::string id = value("ID");
  if (!id.empty() && id[0] >= 'a' && id[0] <= 'z') id[0] = static_cast<char>(id[0] - 'a' + 'A');
  std::string text = id.empty() ? "Linux" : id;
  for (const char* key : {"VERSION_ID", "VERSION_CODENAME"}) {
    if (const std::string part = value(key); !part.empty()) text += ' ' + part;
  }
  return text;
}

std::string init_system() {
  std::error_code ignored;
  if (std::filesystem::exists("/run/systemd/system", ignored)) return "systemd";
  return std::filesystem::exists("/etc/inittab", ignored) ? "sysvinit" : "upstart";
}

// Go's names of architectures.
std::string architecture() {
  utsname names{};
  uname(&names);
  const std::string machine = names.machine;
  static const std::map<std::string, std::string> go_names = {
      {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"i686", "386"}, {"armv7l", "arm"}};
  const auto found = go_names.find(machine);
  return found == go_names.end() ? machine : found->second;
}

json addresses() {
  json list = json::array();
  for (const LocalAddress& local : local_addresses()) {
    if (!local.loopback) list.push_back(local.address.text() + '/' + std::to_string(local.prefix_bits));
  }
  return list;
}

}  // namespace

json environment() {
  return {{"init", init_system()},   {"ident", ident()},
          {"os", "linux"},           {"arch", architecture()},
          {"isproxied", false},      {"addresses", addresses()},
          {"publicip", "127.0.0.1"},  // as the API on loopback sees it
          {"aws", json::object()},   {"modules", {"file", "netstat", "ping", "pkg"}}};
}

}  // namespace mig_sandbox

#include "sandbox/this_machine.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/utsname.h>

#include <array>
#include <bit>
#include <fstream>
#include <memory>

#include "mig/json_writer.h"

namespace mig_sandbox {
namespace {

using mig_runner::mig::json_string;

// PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
std::string system_name() {
  std::ifstream release("/etc/os-release");
  constexpr std::string_view wanted = "PRETTY_NAME=";
  for (std::string line; std::getline(release, line);) {
    if (!line.starts_with(wanted)) continue;
    line.erase(0, wanted.size());
    std::erase(line, '"');
    return line;
  }
  return "Linux";
}

int prefix_length(const void* mask, std::size_t bytes) {
  const auto* byte = static_cast<const unsigned char*>(mask);
  int length = 0;
  for (std::size_t i = 0; i < bytes; ++i) length += std::popcount(byte[i]);
  return length;
}

// ["192.0.2.2/24", ..] without loopback.
std::string addresses() {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return "[]";
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(first, freeifaddrs);
  std::string out = "[";
  for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_netmask == nullptr || (at->ifa_flags & IFF_LOOPBACK) != 0) continue;
    const int family = at->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    const auto in = [&](const sockaddr* address) -> const void* {
      if (family == AF_INET) return &reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
      return &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    };
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family, in(at->ifa_addr), text.data(), text.size());
    const int length = prefix_length(in(at->ifa_netmask), family == AF_INET ? 4 : 16);
    out += (out.size() > 1 ? "," : "") + json_string(std::string(text.data()) + "/" + std::to_string(length));
  }
  return out + "]";
}

}  // namespace

LocalAgent describe_this_machine() {
  LocalAgent agent;
  utsname system{};
  if (uname(&system) == 0) agent.name = system.nodename;
  const std::string machine = system.machine;
  const std::string arch = machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine;
  agent.environment = R"({"init":"systemd","ident":)" + json_string(system_name()) + R"(,"os":"linux","arch":)" +
                      json_string(arch) + R"(,"isproxied":false,"addresses":)" + addresses() +
                      R"(,"publicip":"127.0.0.1","aws":{},"modules":["file","netstat","ping","pkg"]})";
  agent.tags = R"({"operator":"sandbox","environment":"local"})";
  return agent;
}

}  // namespace mig_sandbox

#include <charconv>
#include <fstream>

#include "sandbox/agent/module.h"
#include "sandbox/agent/parameters.h"
#include "sandbox/agent/sockets.h"

namespace mig_sandbox {

using nlohmann::json;

namespace {

constexpr std::size_t kMostElements = 100'000;  // in one answer

struct NetstatQuery {
  std::vector<std::pair<std::string, Network>> connected;
  std::vector<std::pair<std::string, Network>> local;
  std::vector<std::pair<std::string, std::uint16_t>> listening;
};

Result<void> parse_networks(const json& parameters, std::string_view name,
                            std::vector<std::pair<std::string, Network>>& networks) {
  const auto values = string_list(parameters, name);
  if (!values) return tl::unexpected(values.error());
  for (const std::string& value : *values) {
    const auto network = Network::parse(value);
    if (!network) return fail("invalid IP or CIDR '" + value + "' in " + std::string(name));
    networks.emplace_back(value, *network);
  }
  return {};
}

Result<void> parse_ports(const json& parameters, std::vector<std::pair<std::string, std::uint16_t>>& ports) {
  const auto values = string_list(parameters, "listeningport");
  if (!values) return tl::unexpected(values.error());
  for (const std::string& value : *values) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), port);
    if (error != std::errc() || end != value.data() + value.size() || port == 0) {
      return fail("invalid port '" + value + "' in listeningport, must be 1 to 65535");
    }
    ports.emplace_back(value, port);
  }
  return {};
}

Result<NetstatQuery> parse_query(const json& parameters) {
  if (const auto checked = check_object(parameters, "parameters"); !checked) return tl::unexpected(checked.error());
  for (const char* name : {"localmac", "neighbormac", "neighborip"}) {
    if (!member(parameters, name).empty()) return fail(std::string(name) + " is not available in this agent");
  }
  NetstatQuery query;
  auto parsed = parse_networks(parameters, "connectedip", query.connected);
  if (parsed) parsed = parse_networks(parameters, "localip", query.local);
  if (parsed) parsed = parse_ports(parameters, query.listening);
  if (!parsed) return tl::unexpected(parsed.error());
  return query;
}

std::vector<Socket> all_sockets() {
  std::vector<Socket> sockets;
  for (const char* name : {"tcp", "tcp6", "udp", "udp6"}) {
    std::ifstream table(std::string("/proc/net/") + name);
    const auto more = read_socket_table(table, name[0] == 't');
    sockets.insert(sockets.end(), more.begin(), more.end());
  }
  return sockets;
}

class NetstatRun {
 public:
  ModuleResult run(const NetstatQuery& query, const Deadline& deadline) {
    if (!query.connected.empty() || !query.listening.empty()) sockets_ = all_sockets();
    for (const auto& [asked, network] : query.connected) add("connectedip", asked, connected_to(network));
    for (const auto& [asked, port] : query.listening) add("listeningport", asked, listening_on(port));
    for (const auto& [asked, network] : query.local) add("localip", asked, local_in(network));
    // totalhits stays 0 in the real agent's answers.
    result_.statistics = {
        {"examined", examined_}, {"exectime", mig_runner::format_go_duration(deadline.elapsed())}, {"totalhits", 0}};
    return std::move(result_);
  }

 private:
  void add(const char* kind, const std::string& asked, json found) {
    if (!found.is_null()) result_.found_anything = true;
    result_.elements[kind][asked] = std::move(found);
  }

  void keep(json& list, json element) {
    if (kept_ < kMostElements) {
      list.push_back(std::move(element));
      ++kept_;
    }
  }

  static json describe(const Socket& socket) {
    return {{"localaddr", socket.local.text()}, {"localport", socket.local_port}, {"namespace", "default"}};
  }

  json connected_to(const Network& network) {
    json list;
    for (const Socket& socket : sockets_) {
      ++examined_;
      if (!socket.is_connected() || !network.contains(socket.remote)) continue;
      json element = describe(socket);
      element["remoteaddr"] = socket.remote.text();
      element["remoteport"] = socket.remote_port;
      keep(list, std::move(element));
    }
    return list;
  }

  json listening_on(std::uint16_t port) {
    json list;
    for (const Socket& socket : sockets_) {
      ++examined_;
      if (socket.listens() && socket.local_port == port) keep(list, describe(socket));
    }
    return list;
  }

  json local_in(const Network& network) {
    json list;
    for (const LocalAddress& local : local_addresses()) {
      ++examined_;
      if (network.contains(local.address)) keep(list, {{"localaddr", local.address.text()}});
    }
    return list;
  }

  std::vector<Socket> sockets_;
  std::size_t examined_ = 0;
  std::size_t kept_ = 0;
  ModuleResult result_;
};

}  // namespace

json empty_netstat_statistics() {
  return {{"examined", 0}, {"exectime", ""}, {"totalhits", 0}};
}

Result<ModuleResult> run_netstat(const json& parameters, Timestamp /*now*/, const Deadline& deadline) {
  const auto query = parse_query(parameters);
  if (!query) return tl::unexpected(query.error());
  return NetstatRun().run(*query, deadline);
}

}  // namespace mig_sandbox

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <memory>

#include "sandbox/agent/file_content.h"
#include "sandbox/agent/module.h"
#include "sandbox/agent/parameters.h"

namespace mig_sandbox {

using nlohmann::json;

namespace {

using Addresses = std::unique_ptr<addrinfo, decltype([](addrinfo* list) { freeaddrinfo(list); })>;

struct PingQuery {
  std::string destination;
  std::string protocol;
  unsigned port = 80;
  unsigned count = 3;
  std::chrono::milliseconds timeout = std::chrono::seconds(5);
};

// A number that is missing or 0 leaves `value` as it is.
Result<void> parse_number(const json& parameters, std::string_view name, double highest, unsigned& value) {
  const auto number = number_value(parameters, name);
  if (!number) return tl::unexpected(number.error());
  if (*number == 0) return {};
  if (!(*number >= 1 && *number <= highest) || *number != std::floor(*number)) {
    return fail(std::string(name) + " must be a whole number from 1 to " + std::to_string(static_cast<int>(highest)));
  }
  value = static_cast<unsigned>(*number);
  return {};
}

Result<PingQuery> parse_query(const json& parameters) {
  if (const auto checked = check_object(parameters, "parameters"); !checked) return tl::unexpected(checked.error());
  PingQuery query;
  auto text = string_value(parameters, "protocol");
  if (!text) return tl::unexpected(text.error());
  query.protocol = *std::move(text);
  if (query.protocol == "icmp" || query.protocol == "udp") {
    return fail("protocol " + query.protocol + " is not available in this agent, only tcp is");
  }
  if (query.protocol != "tcp") return fail("'" + query.protocol + "' is not a supported ping protocol");
  text = string_value(parameters, "destination");
  if (!text) return tl::unexpected(text.error());
  query.destination = *std::move(text);
  if (query.destination.empty()) return fail("destination must be an address or a host name");
  unsigned seconds = 5;
  auto parsed = parse_number(parameters, "destinationport", 65535, query.port);
  if (parsed) parsed = parse_number(parameters, "count", 1000, query.count);
  if (parsed) parsed = parse_number(parameters, "timeout", 3600, seconds);
  if (!parsed) return tl::unexpected(parsed.error());
  query.timeout = std::chrono::seconds(seconds);
  return query;
}

// Numeric addresses are resolved without asking anybody; a name costs what the system's resolver takes.
Result<Addresses> resolve(const PingQuery& query) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int status = getaddrinfo(query.destination.c_str(), std::to_string(query.port).c_str(), &hints, &list);
  if (status != 0) return fail("lookup " + query.destination + ": " + gai_strerror(status));
  return Addresses(list);
}

std::string numeric_text(const addrinfo& address) {
  char host[NI_MAXHOST] = "";
  getnameinfo(address.ai_addr, address.ai_addrlen, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
  return host;
}

std::string failure_text(int error_number) {
  return error_number == ETIMEDOUT ? "connection timed out" : go_error_text(error_number);
}

// Connects and hangs up. The milliseconds until the connection stood, or why it did not.
Result<double> connect_once(const addrinfo& address, std::chrono::milliseconds timeout, const Deadline& deadline) {
  const Deadline attempt(std::min(timeout, std::chrono::ceil<std::chrono::milliseconds>(deadline.left())), {});
  const int fd = socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(failure_text(errno));
  const std::unique_ptr<const int, decltype([](const int* open) { close(*open); })> closer(&fd);
  if (connect(fd, address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return fail(failure_text(errno));
    pollfd wait{.fd = fd, .events = POLLOUT, .revents = 0};
    int ready = 0;
    // In short steps, so that a stop is noticed.
    while (ready <= 0 && !attempt.passed() && !deadline.passed()) ready = poll(&wait, 1, 50);
    if (ready <= 0) return fail(failure_text(ETIMEDOUT));
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return fail(failure_text(error));
  }
  return std::chrono::duration<double, std::milli>(attempt.elapsed()).count();
}

}  // namespace

Result<ModuleResult> run_ping(const json& parameters, Timestamp /*now*/, const Deadline& deadline) {
  const auto query = parse_query(parameters);
  if (!query) return tl::unexpected(query.error());
  const auto addresses = resolve(*query);
  if (!addresses) return tl::unexpected(addresses.error());
  const addrinfo& address = **addresses;
  json latencies;  // null until there is one
  json failures;
  for (unsigned i = 0; i < query->count && !deadline.passed(); ++i) {
    const auto latency = connect_once(address, query->timeout, deadline);
    if (latency) {
      latencies.push_back(*latency);
    } else {
      failures.push_back(latency.error().what);
    }
  }
  ModuleResult result;
  result.found_anything = !latencies.is_null();
  const std::string target = query->destination + ":" + std::to_string(query->port);
  result.elements = {{"protocol", query->protocol},
                     {"resolvedhost", target + " (" + numeric_text(address) + ")"},
                     {"latencies", std::move(latencies)},
                     {"failures", std::move(failures)}};
  return result;
}

}  // namespace mig_sandbox

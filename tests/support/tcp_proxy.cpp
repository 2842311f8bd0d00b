#include "support/tcp_proxy.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace mig_runner::test {
namespace {

// How soon a connection notices that it is to be silent, or not any more.
constexpr int kLookMilliseconds = 20;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// Closing it resets the connection; whoever waits on it is woken.
void prepare_reset(int fd) {
  const linger at_once{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  shutdown(fd, SHUT_RD);
}

}  // namespace

TcpProxy::TcpProxy(int server_port, std::filesystem::path server_socket, Observer observer)
    : server_port_(server_port),
      server_socket_(std::move(server_socket)),
      observer_(std::move(observer)),
      listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const auto address = loopback(0);
  if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_.get(), 4096) != 0)
    throw std::runtime_error("no port for a proxy");
  acceptor_ = std::jthread([this] { accept_all(); });
}

TcpProxy::~TcpProxy() {
  shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  cut();
}

int TcpProxy::port() const {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

void TcpProxy::cut() {
  std::list<Connection> ending;  // joins at its end
  const std::lock_guard lock(mutex_);
  for (auto& connection : connections_) {
    connection.ended = true;
    prepare_reset(connection.client.get());
    prepare_reset(connection.server.get());
  }
  ending.swap(connections_);
}

void TcpProxy::restore() {
  cut();
  silent_ = false;
}

void TcpProxy::accept_all() {
  while (true) {
    UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) return;
    begin(std::move(client));
  }
}

void TcpProxy::begin(UniqueFd client) {
  const std::lock_guard lock(mutex_);
  connections_.remove_if([](const Connection& connection) { return connection.ended.load(); });
  auto& connection = connections_.emplace_back();
  connection.client = std::move(client);
  connection.thread = std::jthread([this, &connection] {
    if (connect(connection)) {
      pass(connection);
      // The other side hears of it at once, not when this is tidied up.
      shutdown(connection.client.get(), SHUT_RDWR);
      shutdown(connection.server.get(), SHUT_RDWR);
    }
    connection.ended = true;
  });
}

// On the connection's thread: the next one need not wait for it. False: the client's end was reset.
bool TcpProxy::connect(Connection& connection) {
  auto server = connect_server();
  const std::lock_guard lock(mutex_);
  connection.server = std::move(server);
  if (connection.server && !connection.ended) return true;
  prepare_reset(connection.client.get());
  connection.client.reset();
  return false;
}

UniqueFd TcpProxy::connect_server() const {
  if (server_socket_.empty()) {
    UniqueFd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = loopback(server_port_);
    if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) server.reset();
    return server;
  }
  UniqueFd server(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, server_socket_.c_str(), sizeof address.sun_path - 1);
  if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) server.reset();
  return server;
}

// Both ways, until one side closes.
void TcpProxy::pass(Connection& connection) {
  std::array<char, 65536> buffer;
  std::array<pollfd, 2> ends{{{connection.client.get(), POLLIN, 0}, {connection.server.get(), POLLIN, 0}}};
  bool asked = false;
  bool observed = !observer_;
  while (!connection.ended) {
    if (silent_) {
      poll(nullptr, 0, kLookMilliseconds);
      continue;
    }
    if (poll(ends.data(), ends.size(), kLookMilliseconds) < 0) return;
    for (std::size_t i = 0; i < 2 && !silent_; ++i) {
      if (ends[i].revents == 0) continue;
      const auto size = recv(ends[i].fd, buffer.data(), buffer.size(), 0);
      if (i == 0 && size > 0 && !std::exchange(observed, true))
        observer_({buffer.data(), static_cast<std::size_t>(size)});
      if (i == 0 && size > 0 && !asked) ++requests_;
      asked = i == 0;
      std::this_thread::sleep_for(delay_.load());
      if (size <= 0 || !send_all(ends[1 - i].fd, {buffer.data(), static_cast<std::size_t>(size)})) return;
    }
  }
}

}  // namespace mig_runner::test

#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <list>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "base/file.h"

namespace mig_runner::test {

// A port on loopback that leads to a server's port or local socket, until a test disturbs that. Safe from any thread.
class TcpProxy {
 public:
  // Gets the first bytes of each connection once they have come from the client, on the connection's thread.
  using Observer = std::function<void(std::string_view)>;

  explicit TcpProxy(int server_port, Observer observer = {}) : TcpProxy(server_port, {}, std::move(observer)) {}
  explicit TcpProxy(std::filesystem::path server_socket) : TcpProxy(0, std::move(server_socket), {}) {}
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  int port() const;
  // How many pieces have come from clients: as many as messages where each waits for its answer.
  int requests() const { return requests_; }
  // As over a distance: what passes arrives so much later, each way.
  void delay(std::chrono::milliseconds by) { delay_ = by; }
  // Resets all connections.
  void cut();
  // From now on nothing passes either way and nobody is told: as where packets get lost.
  void silence() { silent_ = true; }
  // Connections that were silent are reset, new ones work.
  void restore();

 private:
  struct Connection {
    UniqueFd client, server;
    std::atomic<bool> ended = false;
    std::jthread thread;
  };

  TcpProxy(int server_port, std::filesystem::path server_socket, Observer observer);
  void accept_all();
  void begin(UniqueFd client);
  bool connect(Connection& connection);
  void pass(Connection& connection);
  UniqueFd connect_server() const;

  const int server_port_;
  const std::filesystem::path server_socket_;
  const Observer observer_;
  UniqueFd listener_;
  std::atomic<bool> silent_ = false;
  std::atomic<int> requests_ = 0;
  std::atomic<std::chrono::milliseconds> delay_{};
  std::mutex mutex_;  // guards connections_ and their descriptors
  std::list<Connection> connections_;
  std::jthread acceptor_;
};

}  // namespace mig_runner::test

#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"

namespace mig_runner::test {

// A server of raw bytes on loopback: what a test does with a connection is up to it, lies included. Each connection has
// a thread of its own.
class RawServer {
 public:
  // `serve` gets the connection after a whole request was read from it, with the request.
  using Serve = std::function<void(int fd, const std::string& request)>;
  // `greet` gets it before anything was read from it, with its number from 1 on.
  using Greet = std::function<void(int fd, int number)>;

  explicit RawServer(Serve serve, Greet greet = {})
      : serve_(std::move(serve)), greet_(std::move(greet)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t size = sizeof address;
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    listen(listener_.get(), 64);
    acceptor_ = std::jthread([this](const std::stop_token& stop) { accept_all(stop); });
  }
  ~RawServer() {
    acceptor_.request_stop();
    acceptor_.join();
  }

  std::string url(const std::string& path = "") const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/api/v1/" + path;
  }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  int connections() const { return connections_; }

  static void answer(int fd, int status, const std::string& body, const std::string& headers = "") {
    send_text(fd, "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
                      "\r\n" + headers + "\r\n" + body);
  }
  static void send_text(int fd, const std::string& text) { send(fd, text.data(), text.size(), MSG_NOSIGNAL); }
  // A reset, at once. Nothing can be sent or received any more.
  static void reset(int fd) {
    sockaddr nobody{};
    nobody.sa_family = AF_UNSPEC;
    connect(fd, &nobody, sizeof nobody);
  }
  // An orderly end.
  static void end(int fd) { shutdown(fd, SHUT_RDWR); }
  static void wait_for_close(int fd) {
    char byte = 0;
    while (recv(fd, &byte, 1, 0) > 0) continue;
  }

 private:
  void accept_all(const std::stop_token& stop) {
    std::vector<std::jthread> threads;
    while (!stop.stop_requested()) {
      pollfd ready{listener_.get(), POLLIN, 0};
      if (poll(&ready, 1, 20) <= 0) continue;
      const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      const int number = ++connections_;
      threads.emplace_back([this, fd, number] { converse(UniqueFd(fd), number); });
    }
  }

  void converse(const UniqueFd& connection, int number) {
    const timeval timeout{5, 0};
    setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (greet_) greet_(connection.get(), number);
    while (true) {
      const auto request = read_request(connection.get());
      if (request.empty()) return;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      serve_(connection.get(), request);
    }
  }

  static std::string read_request(int fd) {
    std::string text;
    std::string buffer(65536, '\0');
    while (true) {
      const auto head = text.find("\r\n\r\n");
      if (head != std::string::npos) {
        const auto length = text.find("Content-Length: ");
        const std::size_t body = length < head ? std::stoul(text.substr(length + 16)) : 0;
        if (text.size() >= head + 4 + body) return text;
      }
      const auto size = recv(fd, buffer.data(), buffer.size(), 0);
      if (size <= 0) return "";
      text.append(buffer.data(), static_cast<std::size_t>(size));
    }
  }

  const Serve serve_;
  const Greet greet_;
  UniqueFd listener_;
  int port_ = 0;
  std::atomic<int> connections_ = 0;
  mutable std::mutex mutex_;  // guards requests_
  std::vector<std::string> requests_;
  std::jthread acceptor_;
};

}  // namespace mig_runner::test

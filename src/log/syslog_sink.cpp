#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/file.h"
#include "base/host_name.h"
#include "log/line.h"
#include "log/sinks.h"

namespace mig_runner::log {
namespace {

constexpr int kConnectMs = 3000;
constexpr int kSendMs = 3000;
// The most that a datagram of IPv4 holds, and the least that every network takes (RFC 5426).
constexpr std::size_t kLargestDatagram = 65'507;
constexpr std::size_t kSmallestDatagram = 480;

// At the end of a character.
void cut(std::string& text, std::size_t bytes) {
  if (text.size() <= bytes) return;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80) --bytes;
  text.resize(bytes);
}

class SyslogSink final : public Sink {
 public:
  explicit SyslogSink(const Settings& settings)
      : settings_(settings), tail_(" " + host_name() + " mig-runner " + std::to_string(getpid()) + " - - ") {}

  bool write(const Message& message) override {
    const int priority = settings_.facility * 8 + static_cast<int>(message.level);
    return deliver("<" + std::to_string(priority) + ">1 " + stamp(message.time) + tail_ + message.text);
  }

  void reopen() override { socket_.reset(); }

 private:
  bool deliver(const std::string& message) {
    if (!socket_ && !connect()) return false;
    if (settings_.tcp ? send_all(std::to_string(message.size()) + ' ' + message) : send_datagram(message)) {
      recovered();
      return true;
    }
    // A datagram that nobody takes is lost: only the next one would tell. It is not worth another try.
    const bool gone = !settings_.tcp && errno == ECONNREFUSED;
    failed(std::strerror(errno));
    socket_.reset();
    return gone;
  }

  // A message that is too large for the way to the server is cut, not tried for ever.
  bool send_datagram(std::string message) {
    cut(message, kLargestDatagram);
    while (!send_all(message)) {
      if (errno != EMSGSIZE || message.size() <= kSmallestDatagram) return false;
      cut(message, message.size() / 2);
    }
    return true;
  }

  bool send_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) {
        pollfd ready{socket_.get(), POLLOUT, 0};
        if (poll(&ready, 1, kSendMs) > 0) continue;
        errno = ETIMEDOUT;
      }
      if (sent < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  bool connect() {
    addrinfo hints{};
    hints.ai_socktype = settings_.tcp ? SOCK_STREAM : SOCK_DGRAM;
    addrinfo* found = nullptr;
    if (const int error = getaddrinfo(settings_.host.c_str(), std::to_string(settings_.port).c_str(), &hints, &found)) {
      failed(gai_strerror(error));
      return false;
    }
    for (const auto* address = found; address != nullptr && !socket_; address = address->ai_next) try_address(*address);
    freeaddrinfo(found);
    if (!socket_) failed(std::strerror(errno));
    return static_cast<bool>(socket_);
  }

  void try_address(const addrinfo& address) {
    UniqueFd fd(socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol));
    if (!fd) return;
    if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0) {
      pollfd ready{fd.get(), POLLOUT, 0};
      int error = ETIMEDOUT;
      socklen_t size = sizeof error;
      if (errno == EINPROGRESS && poll(&ready, 1, kConnectMs) > 0)
        getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
      errno = error;
      if (error != 0) return;
    }
    socket_ = std::move(fd);
  }

  void failed(const std::string& why) {
    if (!failing_)
      complain("syslog server " + settings_.host + " port " + std::to_string(settings_.port) +
               " cannot be reached, messages wait: " + why);
    failing_ = true;
  }

  void recovered() {
    if (failing_) complain("syslog server " + settings_.host + " is reached again");
    failing_ = false;
  }

  const Settings settings_;
  const std::string tail_;
  UniqueFd socket_;
  bool failing_ = false;
};

}  // namespace

std::unique_ptr<Sink> make_syslog_sink(const Settings& settings) {
  return std::make_unique<SyslogSink>(settings);
}

}  // namespace mig_runner::log

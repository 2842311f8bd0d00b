#include "bench/recording_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <mutex>
#include <string_view>
#include <thread>

#include "base/file.h"
#include "bench/process.h"

namespace mig_bench {
namespace {

using mig_runner::UniqueFd;
using Buffer = std::array<char, 65536>;

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

// Both ways, until one side closes.
void pass_on(int a, int b) {
  Buffer buffer;
  std::array<pollfd, 2> ends{{{a, POLLIN, 0}, {b, POLLIN, 0}}};
  while (poll(ends.data(), ends.size(), -1) > 0) {
    for (std::size_t i = 0; i < 2; ++i) {
      if (ends[i].revents == 0) continue;
      const auto size = recv(ends[i].fd, buffer.data(), buffer.size(), 0);
      if (size <= 0 || !send_all(ends[1 - i].fd, {buffer.data(), static_cast<std::size_t>(size)})) return;
    }
  }
}

}  // namespace

struct RecordingProxy::Impl {
  int to_port = 0;
  UniqueFd listener;
  mutable std::mutex mutex;  // guards first_bytes
  std::vector<std::chrono::system_clock::time_point> first_bytes;
  std::jthread acceptor;

  void serve(UniqueFd client) {
    Buffer buffer;
    const auto size = recv(client.get(), buffer.data(), buffer.size(), 0);
    const auto came = std::chrono::system_clock::now();
    if (size <= 0) return;
    const std::string_view first(buffer.data(), static_cast<std::size_t>(size));
    if (first.starts_with("POST")) {
      const std::lock_guard lock(mutex);
      first_bytes.push_back(came);
    }
    const UniqueFd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = loopback(to_port);
    if (connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
    if (send_all(server.get(), first)) pass_on(client.get(), server.get());
  }

  void accept_all() {
    while (true) {
      UniqueFd client(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) return;
      std::thread([this, client = std::move(client)]() mutable { serve(std::move(client)); }).detach();
    }
  }
};

RecordingProxy::RecordingProxy(int to_port) : impl_(std::make_unique<Impl>()) {
  impl_->to_port = to_port;
  impl_->listener = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = loopback(0);
  if (bind(impl_->listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(impl_->listener.get(), 4096) != 0)
    give_up("no port for a proxy");
  impl_->acceptor = std::jthread([this] { impl_->accept_all(); });
}

RecordingProxy::~RecordingProxy() {
  shutdown(impl_->listener.get(), SHUT_RDWR);
  impl_->acceptor.join();
}

int RecordingProxy::port() const {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(impl_->listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

std::vector<std::chrono::system_clock::time_point> RecordingProxy::first_bytes_of_posts() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->first_bytes;
}

}  // namespace mig_bench

#include "store/patience.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <utility>

namespace mig_runner::store {

Patience::Patience(std::chrono::milliseconds limit)
    : limit_(limit), thread_([this](const std::stop_token& stop) { run(stop); }) {}

Patience::~Patience() {
  thread_.request_stop();
  changed_.notify_all();
}

void Patience::begin(int socket) {
  UniqueFd duplicate(fcntl(socket, F_DUPFD_CLOEXEC, 0));
  const std::lock_guard lock(mutex_);
  socket_ = std::move(duplicate);
  deadline_ = std::chrono::steady_clock::now() + limit_;
  if (given_up_) shutdown(socket_.get(), SHUT_RDWR);
}

void Patience::end() {
  const std::lock_guard lock(mutex_);
  socket_.reset();
}

void Patience::give_up() {
  const std::lock_guard lock(mutex_);
  given_up_ = true;
  if (socket_) shutdown(socket_.get(), SHUT_RDWR);
  socket_.reset();
}

bool Patience::given_up() {
  const std::lock_guard lock(mutex_);
  return given_up_;
}

void Patience::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    // It looks now and then: to be woken for each call would cost more than many calls do.
    changed_.wait_for(lock, stop, limit_ / 4, [] { return false; });
    if (!socket_ || std::chrono::steady_clock::now() < deadline_) continue;
    shutdown(socket_.get(), SHUT_RDWR);
    socket_.reset();
  }
}

}  // namespace mig_runner::store

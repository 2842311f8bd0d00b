#include "store/patience.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
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

void Patience::hurry() {
  const std::lock_guard lock(mutex_);
  hurries_ = true;
  limit_ = std::min(limit_, kHurry);
  deadline_ = std::min(deadline_, std::chrono::steady_clock::now() + limit_);
  changed_.notify_all();
}

std::chrono::milliseconds Patience::limit() {
  const std::lock_guard lock(mutex_);
  return limit_;
}

bool Patience::hurries() {
  const std::lock_guard lock(mutex_);
  return hurries_;
}

void Patience::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    // It looks now and then: to be woken for each call would cost more than many calls do.
    const bool hurried = hurries_;
    changed_.wait_for(lock, stop, limit_ / 4, [&] { return hurries_ != hurried; });
    if (!socket_ || std::chrono::steady_clock::now() < deadline_) continue;
    shutdown(socket_.get(), SHUT_RDWR);
    socket_.reset();
  }
}

}  // namespace mig_runner::store

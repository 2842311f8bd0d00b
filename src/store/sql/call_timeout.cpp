#include "store/sql/call_timeout.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace mig_runner::store {

CallTimeout::CallTimeout(std::chrono::milliseconds limit)
    : limit_(limit), thread_([this](const std::stop_token& stop) { run(stop); }) {}

CallTimeout::~CallTimeout() {
  thread_.request_stop();
  changed_.notify_all();
}

void CallTimeout::begin(int socket) {
  UniqueFd duplicate(fcntl(socket, F_DUPFD_CLOEXEC, 0));
  const MutexLock lock(mutex_);
  socket_ = std::move(duplicate);
  deadline_ = std::chrono::steady_clock::now() + limit_;
  if (given_up_) shutdown(socket_.get(), SHUT_RDWR);
}

void CallTimeout::end() {
  const MutexLock lock(mutex_);
  socket_.reset();
}

void CallTimeout::give_up() {
  const MutexLock lock(mutex_);
  given_up_ = true;
  if (socket_) shutdown(socket_.get(), SHUT_RDWR);
  socket_.reset();
}

void CallTimeout::begin_shutdown() {
  const MutexLock lock(mutex_);
  is_shutting_down_ = true;
  limit_ = std::min(limit_, kShutdownLimit);
  deadline_ = std::min(deadline_, std::chrono::steady_clock::now() + limit_);
  changed_.notify_all();
}

std::chrono::milliseconds CallTimeout::limit() {
  const MutexLock lock(mutex_);
  return limit_;
}

bool CallTimeout::is_shutting_down() {
  const MutexLock lock(mutex_);
  return is_shutting_down_;
}

void CallTimeout::run(const std::stop_token& stop) {
  MutexLock lock(mutex_);
  while (!stop.stop_requested()) {
    // It looks now and then: to be woken for each call would cost more than many calls do.
    const bool was_shutting_down = is_shutting_down_;
    changed_.wait_for(lock, stop, limit_ / 4,
                      [&]() REQUIRES(mutex_) { return is_shutting_down_ != was_shutting_down; });
    if (!socket_ || std::chrono::steady_clock::now() < deadline_) continue;
    shutdown(socket_.get(), SHUT_RDWR);
    socket_.reset();
  }
}

}  // namespace mig_runner::store

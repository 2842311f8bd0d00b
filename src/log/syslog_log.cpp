#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "base/file.h"
#include "base/host_name.h"
#include "log/line.h"
#include "log/sinks.h"

namespace mig_runner::log {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kMaxWaiting = 10'000;  // messages, while the server is away
constexpr int kConnectMs = 3000;
constexpr int kSendMs = 3000;
constexpr std::chrono::seconds kReconnect{5};
constexpr std::chrono::milliseconds kFlushAtEnd{1000};

// Messages are put into a queue and sent by a thread: a server that is slow or away holds up nobody.
class SyslogLog final : public Log {
 public:
  SyslogLog(const Settings& settings, const Clock& clock)
      : settings_(settings),
        clock_(clock),
        tail_(" " + host_name() + " mig-runner " + std::to_string(getpid()) + " - - "),
        sender_([this](const std::stop_token& stop) { run(stop); }) {}
  ~SyslogLog() override {
    sender_.request_stop();
    sender_.join();
  }
  SyslogLog(const SyslogLog&) = delete;
  SyslogLog& operator=(const SyslogLog&) = delete;

  bool enabled(Level level) const override { return level <= settings_.level; }

  void write(Level level, std::string_view message) override {
    if (!enabled(level)) return;
    const int priority = settings_.facility * 8 + static_cast<int>(level);
    auto text = "<" + std::to_string(priority) + ">1 " + stamp(clock_.now()) + tail_ + escaped(message);
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMaxWaiting) {
      waiting_.pop_front();
      ++lost_;
    }
    waiting_.push_back(std::move(text));
    changed_.notify_one();
  }

  void reopen() override {
    const std::lock_guard lock(mutex_);
    reconnect_ = true;
  }

 private:
  void run(const std::stop_token& stop) {
    auto end = steady_clock::time_point::max();
    while (true) {
      std::unique_lock lock(mutex_);
      if (waiting_.empty() && stop.stop_requested()) return;
      if (!changed_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
        if (waiting_.empty()) return;
      }
      if (stop.stop_requested() && end == steady_clock::time_point::max()) end = steady_clock::now() + kFlushAtEnd;
      if (steady_clock::now() > end) return;
      if (std::exchange(reconnect_, false)) socket_.reset();
      const auto message = waiting_.front();
      lock.unlock();
      const bool sent = deliver(message);
      lock.lock();
      if (sent && !waiting_.empty() && waiting_.front() == message) waiting_.pop_front();
      if (!sent) {
        if (stop.stop_requested()) return;
        changed_.wait_for(lock, stop, kReconnect, [] { return false; });
      }
    }
  }

  bool deliver(const std::string& message) {
    if (!socket_ && !connect()) return false;
    const auto frame = settings_.tcp ? std::to_string(message.size()) + ' ' + message : message;
    if (send_all(frame)) {
      recovered();
      return true;
    }
    // A datagram that nobody takes is lost: only the next one would tell. It is not worth another try.
    const bool gone = !settings_.tcp && errno == ECONNREFUSED;
    failed(std::strerror(errno));
    socket_.reset();
    return gone;
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
    std::size_t lost = 0;
    {
      const std::lock_guard lock(mutex_);
      lost = std::exchange(lost_, 0);
    }
    if (failing_)
      complain("syslog server " + settings_.host + " is reached again" +
               (lost > 0 ? ", " + std::to_string(lost) + " messages were lost" : ""));
    failing_ = false;
  }

  const Settings settings_;
  const Clock& clock_;
  const std::string tail_;
  std::mutex mutex_;  // guards waiting_, lost_, reconnect_
  std::condition_variable_any changed_;
  std::deque<std::string> waiting_;
  std::size_t lost_ = 0;
  bool reconnect_ = false;
  UniqueFd socket_;       // the sender's
  bool failing_ = false;  // the sender's
  std::jthread sender_;   // last: it uses all of the above
};

}  // namespace

std::unique_ptr<Log> make_syslog_log(const Settings& settings, const Clock& clock) {
  return std::make_unique<SyslogLog>(settings, clock);
}

}  // namespace mig_runner::log

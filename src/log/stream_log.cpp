#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>

#include "base/file.h"
#include "log/line.h"
#include "log/sinks.h"

namespace mig_runner::log {
namespace {

std::string line_of(Level level, std::string_view message, Timestamp now) {
  return stamp(now) + ' ' + std::string(level_name(level)) + ' ' + escaped(message) + '\n';
}

// False, with errno, where not all of it could be written.
bool write_line(int fd, std::string_view line) {
  while (!line.empty()) {
    const auto written = write(fd, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    line.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

class StreamLog final : public Log {
 public:
  StreamLog(Level level, int fd, const Clock& clock) : level_(level), fd_(fd), clock_(clock) {}
  bool enabled(Level level) const override { return level <= level_; }
  void write(Level level, std::string_view message) override {
    if (!enabled(level)) return;
    const auto line = line_of(level, message, clock_.now());
    const std::lock_guard lock(mutex_);
    write_line(fd_, line);  // a reader that went away cannot be told
  }
  void reopen() override {}

 private:
  const Level level_;
  const int fd_;
  const Clock& clock_;
  std::mutex mutex_;  // keeps lines apart
};

class FileLog final : public Log {
 public:
  FileLog(const Settings& settings, const Clock& clock) : settings_(settings), clock_(clock) {}

  Result<void> open() {
    UniqueFd fd(::open(settings_.file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) return fail_errno("the log file cannot be opened", settings_.file);
    struct stat status {};
    fstat(fd.get(), &status);
    size_ = status.st_size;
    fd_ = std::move(fd);
    return {};
  }

  bool enabled(Level level) const override { return level <= settings_.level; }

  void write(Level level, std::string_view message) override {
    if (!enabled(level)) return;
    const auto line = line_of(level, message, clock_.now());
    const std::lock_guard lock(mutex_);
    const auto after = size_ + static_cast<std::int64_t>(line.size());
    if (settings_.max_file_bytes > 0 && size_ > 0 && after > settings_.max_file_bytes) rotate();
    if (fd_ && write_line(fd_.get(), line)) {
      size_ += static_cast<std::int64_t>(line.size());
      failing_ = false;
    } else {
      lost(line);
    }
  }

  void reopen() override {
    const std::lock_guard lock(mutex_);
    if (auto opened = open(); !opened) complain(opened.error().text());
  }

 private:
  void rotate() {
    std::error_code error;
    std::filesystem::rename(settings_.file, settings_.file.string() + ".1", error);
    if (error && !failing_) complain(settings_.file.string() + ": the log file cannot be rotated: " + error.message());
    if (!error)
      if (auto opened = open(); !opened) complain(opened.error().text());
  }

  void lost(std::string_view line) {
    const std::string why = std::strerror(errno);
    if (!failing_) complain(settings_.file.string() + ": the log cannot be written, it goes on here: " + why);
    failing_ = true;
    write_line(STDERR_FILENO, line);
  }

  const Settings settings_;
  const Clock& clock_;
  std::mutex mutex_;  // guards what follows
  UniqueFd fd_;
  std::int64_t size_ = 0;
  bool failing_ = false;
};

}  // namespace

std::unique_ptr<Log> make_stream_log(Level level, int fd, const Clock& clock) {
  return std::make_unique<StreamLog>(level, fd, clock);
}

Result<std::unique_ptr<Log>> make_file_log(const Settings& settings, const Clock& clock) {
  auto log = std::make_unique<FileLog>(settings, clock);
  if (auto opened = log->open(); !opened) return tl::unexpected(opened.error());
  return log;
}

}  // namespace mig_runner::log

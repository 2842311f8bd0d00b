#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/file_status.h"
#include "log/line.h"
#include "log/sinks.h"

namespace mig_runner::log {
namespace {

namespace fs = std::filesystem;

constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
constexpr int kMostSymlinks = 40;  // as the kernel

// The path at which `file` really stands. Nullopt where it is a way to an open file, as /dev/stdout is: another name
// for it would change nothing.
std::optional<fs::path> target_of(fs::path file) {
  for (int i = 0; i < kMostSymlinks; ++i) {
    const auto name = file.lexically_normal().string();
    if (name.starts_with("/proc/") || name.starts_with("/dev/fd/")) return std::nullopt;
    std::error_code error;
    if (!fs::is_symlink(file, error)) return error ? std::nullopt : std::optional(file);
    const auto next = fs::read_symlink(file, error);
    if (error) return std::nullopt;
    file = file.parent_path() / next;
  }
  return std::nullopt;
}

class FileSink final : public Sink {
 public:
  explicit FileSink(const Settings& settings) : file_(settings.file), max_bytes_(settings.max_file_bytes) {}

  // A FIFO that nobody reads is no error, but leaves nothing open: opening it otherwise would wait for a reader.
  Result<void> open() {
    UniqueFd fd(::open(file_.c_str(), kFlags | O_NONBLOCK, 0600));
    struct stat status {};
    // A socket, such as a service's /dev/stdout, fails in the same way.
    if (!fd && errno == ENXIO && stat(file_.c_str(), &status) == 0 && S_ISFIFO(status.st_mode)) {
      fd_.reset();
      return {};
    }
    if (!fd && errno == ENXIO) return fail("the log file is neither a file nor a FIFO (mode = stdout?)", file_);
    if (!fd || fstat(fd.get(), &status) != 0 || fcntl(fd.get(), F_SETFL, O_APPEND) != 0)
      return fail_errno("the log file cannot be opened", file_);
    use(std::move(fd), status);
    return {};
  }

  bool write(const Message& message) override {
    if (!fd_) reopen();
    if (!fd_) {
      complain_once(": nothing reads the log, messages wait");
      return false;
    }
    const auto line = line_of(message);
    rotate_before(line);
    if (write_line(fd_.get(), line)) {
      size_ += static_cast<std::int64_t>(line.size());
      failing_ = false;
      return true;
    }
    if (errno == EPIPE) {  // a FIFO, whose reader went away
      fd_.reset();
      return false;
    }
    complain_once(std::string(": the log cannot be written, it goes on here: ") + std::strerror(errno));
    to_standard_error(line);
    return true;
  }

  void reopen() override {
    if (auto opened = open(); !opened) complain(opened.error().text());
  }

 private:
  void use(UniqueFd fd, const struct stat& status) {
    fd_ = std::move(fd);
    regular_ = S_ISREG(status.st_mode);
    size_ = status.st_size;
  }

  void rotate_before(const std::string& line) {
    const auto after = size_ + static_cast<std::int64_t>(line.size());
    if (!regular_ || max_bytes_ <= 0 || size_ == 0 || after <= max_bytes_) return;
    const auto rotated = rotate();
    if (!rotated && !cannot_rotate_) complain(file_.string() + ": " + rotated.error().what);
    cannot_rotate_ = !rotated;
  }

  // The file that is open becomes FILE.1; the new one has its owner and mode.
  Result<void> rotate() {
    struct stat open {};
    const auto target = target_of(file_);
    if (!target) return {};
    const auto there = file_status(*target, Symlinks::refused);
    if (!there) return tl::unexpected(there.error());
    if (fstat(fd_.get(), &open) != 0) return fail_errno("the log file cannot be rotated");
    // Moved away already: another one is opened in its place.
    const bool moved = !*there || (*there)->st_ino != open.st_ino || (*there)->st_dev != open.st_dev;
    if (!moved && ::rename(target->c_str(), (target->string() + ".1").c_str()) != 0)
      return fail_errno("the log file cannot be rotated");
    UniqueFd fd(::open(target->c_str(), kFlags | O_NONBLOCK | O_NOFOLLOW, 0600));
    struct stat status {};
    if (!fd || fstat(fd.get(), &status) != 0) return fail_errno("the log file cannot be opened");
    if (!moved) keep_owner_and_mode(fd.get(), open);
    use(std::move(fd), status);
    return {};
  }

  // As far as this user may.
  static void keep_owner_and_mode(int fd, const struct stat& old) {
    const bool group_kept = fchown(fd, static_cast<uid_t>(-1), old.st_gid) == 0;
    const mode_t lost = group_kept ? 0 : S_IRWXG;  // what was for its group is not for another
    if (fchmod(fd, old.st_mode & 07777U & ~lost) != 0) return;
    if (fchown(fd, old.st_uid, static_cast<gid_t>(-1)) != 0) return;
  }

  void complain_once(const std::string& what) {
    if (!failing_) complain(file_.string() + what);
    failing_ = true;
  }

  const fs::path file_;
  const std::int64_t max_bytes_;
  UniqueFd fd_;
  bool regular_ = false;
  std::int64_t size_ = 0;
  bool failing_ = false;
  bool cannot_rotate_ = false;
};

}  // namespace

Result<std::unique_ptr<Sink>> make_file_sink(const Settings& settings) {
  auto sink = std::make_unique<FileSink>(settings);
  if (auto opened = sink->open(); !opened) return tl::unexpected(opened.error());
  return sink;
}

}  // namespace mig_runner::log

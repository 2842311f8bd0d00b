#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace mig_runner {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBufferBytes = std::size_t{256} << 10U;
constexpr std::string_view kTemporaryMark = ".tmp-";

Result<void> flush_directory(const fs::path& directory) {
  const UniqueFd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || fsync(fd.get()) != 0) return fail_errno("the directory cannot be flushed", directory);
  return {};
}

Result<void> write_all(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const auto written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno("the file cannot be written", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Result<void> make_directories(const fs::path& directory) {
  struct stat status {};
  if (directory.empty() || stat(directory.c_str(), &status) == 0) return {};
  const auto parent = directory.parent_path();
  if (auto made = make_directories(parent); !made) return made;
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return fail_errno("the directory cannot be made", directory);
  return flush_directory(parent.empty() ? "." : parent);
}

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void UniqueFd::reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Result<std::string> read_file(const fs::path& path, std::size_t max_bytes) {
  // Not blocking: opening a FIFO that stands in a file's place must not hang.
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) return fail_errno("it cannot be read", path);
  if (!S_ISREG(status.st_mode)) return fail("it is not a regular file", path);
  std::string text;
  const auto refuse = [&] { return fail("it is larger than " + std::to_string(max_bytes) + " bytes", path); };
  if (static_cast<std::size_t>(status.st_size) > max_bytes) return refuse();
  text.resize(static_cast<std::size_t>(status.st_size) + 1);
  std::size_t size = 0;
  while (true) {
    const auto got = read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("it cannot be read", path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size > max_bytes) return refuse();
    if (size == text.size()) text.resize(text.size() * 2);
  }
  text.resize(size);
  return text;
}

DurableFile::DurableFile(fs::path final_path, fs::path temporary_path, UniqueFd fd)
    : final_path_(std::move(final_path)), temporary_path_(std::move(temporary_path)), fd_(std::move(fd)) {}

Result<DurableFile> DurableFile::create(const fs::path& final_path) {
  const auto directory = final_path.parent_path();
  if (auto made = make_directories(directory); !made) return tl::unexpected(made.error());
  auto name = (directory / ("." + final_path.filename().string() + std::string(kTemporaryMark) + "XXXXXX")).string();
  UniqueFd fd(mkostemp(name.data(), O_CLOEXEC));  // mode 0600
  if (!fd) return fail_errno("no file can be made there", directory);
  return DurableFile(final_path, name, std::move(fd));
}

DurableFile& DurableFile::operator=(DurableFile&& other) noexcept {
  if (this != &other) {
    discard();
    final_path_ = std::move(other.final_path_);
    temporary_path_ = std::move(other.temporary_path_);
    fd_ = std::move(other.fd_);
    buffer_ = std::move(other.buffer_);
  }
  return *this;
}

DurableFile::~DurableFile() {
  discard();
}

void DurableFile::discard() {
  if (!fd_) return;
  fd_.reset();
  unlink(temporary_path_.c_str());
}

Result<void> DurableFile::flush_buffer() {
  auto written = write_all(fd_.get(), buffer_, temporary_path_);
  buffer_.clear();
  return written;
}

Result<void> DurableFile::write(std::string_view bytes) {
  if (bytes.size() >= kBufferBytes) {
    if (auto written = flush_buffer(); !written) return written;
    return write_all(fd_.get(), bytes, temporary_path_);
  }
  buffer_ += bytes;
  return buffer_.size() < kBufferBytes ? Result<void>() : flush_buffer();
}

Result<void> DurableFile::commit() {
  if (auto written = flush_buffer(); !written) return written;
  if (fsync(fd_.get()) != 0) return fail_errno("the file cannot be flushed", temporary_path_);
  if (rename(temporary_path_.c_str(), final_path_.c_str()) != 0)
    return fail_errno("the file cannot get its name", final_path_);
  fd_.reset();
  return flush_directory(final_path_.parent_path());
}

Result<void> move_file(const fs::path& from, const fs::path& to) {
  if (auto made = make_directories(to.parent_path()); !made) return made;
  if (rename(from.c_str(), to.c_str()) != 0) return fail_errno("the file cannot get its name", to);
  return flush_directory(to.parent_path());
}

void remove_temporary_files(const fs::path& directory) {
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    const auto name = entry->path().filename().string();
    std::error_code ignored;
    if (name.starts_with('.') && name.find(kTemporaryMark) != std::string::npos && entry->is_regular_file(ignored))
      fs::remove(entry->path(), ignored);
  }
}

}  // namespace mig_runner

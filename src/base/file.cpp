#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "base/path_below.h"

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

std::string random_letters() {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::array<unsigned char, 6> bytes{};
  static_cast<void>(getentropy(bytes.data(), bytes.size()));
  std::string text;
  for (const auto byte : bytes) text += kLetters[byte % kLetters.size()];
  return text;
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
  if (!fd) return fail_errno("it cannot be read", path);
  return read_file(fd, path, max_bytes);
}

Result<std::string> read_file(const UniqueFd& fd, const fs::path& path, std::size_t max_bytes) {
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return fail_errno("it cannot be read", path);
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

DurableFile::DurableFile(UniqueFd directory, fs::path final_path) noexcept
    : directory_(std::move(directory)), final_path_(std::move(final_path)) {}

Result<DurableFile> DurableFile::create(const fs::path& final_path) {
  const auto path = final_path.has_parent_path() ? final_path : fs::path(".") / final_path;
  return create(PathBelow{path.parent_path(), path.filename()});
}

Result<DurableFile> DurableFile::create(const PathBelow& final_path) {
  auto directory = make_directory_below(final_path.parent());
  if (!directory) return tl::unexpected(directory.error());
  DurableFile file(std::move(*directory), final_path.whole());
  if (auto opened = file.open_temporary(); !opened) return tl::unexpected(opened.error());
  return file;
}

// Mode 0600, under a name that nobody has.
Result<void> DurableFile::open_temporary() {
  const auto begin = "." + final_path_.filename().string() + std::string(kTemporaryMark);
  do {
    temporary_name_ = begin + random_letters();
    fd_ = UniqueFd(openat(directory_.get(), temporary_name_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  } while (!fd_ && errno == EEXIST);
  if (!fd_) return fail_errno("no file can be made there", final_path_.parent_path());
  return {};
}

DurableFile& DurableFile::operator=(DurableFile&& other) noexcept {
  if (this != &other) {
    discard();
    directory_ = std::move(other.directory_);
    final_path_ = std::move(other.final_path_);
    temporary_name_ = std::move(other.temporary_name_);
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
  unlinkat(directory_.get(), temporary_name_.c_str(), 0);
}

Result<void> DurableFile::flush_buffer() {
  auto written = write_all(fd_.get(), buffer_, final_path_);
  buffer_.clear();
  return written;
}

Result<void> DurableFile::write(std::string_view bytes) {
  if (bytes.size() >= kBufferBytes) {
    if (auto written = flush_buffer(); !written) return written;
    return write_all(fd_.get(), bytes, final_path_);
  }
  buffer_ += bytes;
  return buffer_.size() < kBufferBytes ? Result<void>() : flush_buffer();
}

Result<void> DurableFile::commit() {
  if (auto written = flush_buffer(); !written) return written;
  if (fsync(fd_.get()) != 0) return fail_errno("the file cannot be flushed", final_path_);
  if (renameat(directory_.get(), temporary_name_.c_str(), directory_.get(), final_path_.filename().c_str()) != 0)
    return fail_errno("the file cannot get its name", final_path_);
  fd_.reset();
  if (fsync(directory_.get()) != 0) return fail_errno("the directory cannot be flushed", final_path_.parent_path());
  return {};
}

void remove_temporary_files(const fs::path& directory) {
  remove_temporary_files(PathBelow{directory, {}});
}

void remove_temporary_files(const PathBelow& directory) {
  const auto names = names_below(directory);
  if (!names || !*names) return;
  for (const auto& name : **names)
    if (name.starts_with('.') && name.find(kTemporaryMark) != std::string::npos)
      static_cast<void>(remove_file_below({directory.root, directory.relative / name}));
}

}  // namespace mig_runner

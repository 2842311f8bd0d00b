#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace mig_runner {

// Owns a file descriptor; -1 is none. Movable, not shared between threads.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { reset(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset();
  // Whoever calls owns it from now on.
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

struct PathBelow;

// The whole file. A larger one than `max_bytes` is an error, as is one that is not a regular file.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes);
// The same of one that is open; `path` is only for messages.
Result<std::string> read_file(const UniqueFd& file, const std::filesystem::path& path, std::size_t max_bytes);

// Makes `directory` and its missing parents, mode 0700, flushing each one's parent. Errors are Retry::later.
Result<void> make_directories(const std::filesystem::path& directory);

// A file that appears whole or not at all: written under a temporary name in the same directory (".NAME.tmp-*"),
// then flushed, renamed and its directory flushed by commit(). Without commit() the destructor removes the
// temporary file. Mode 0600. One thread at a time. Every Error is Retry::later (full disk, vanished directory, ..).
class DurableFile {
 public:
  // Makes missing parent directories, mode 0700, flushing each one's parent.
  static Result<DurableFile> create(const std::filesystem::path& final_path);
  // The same where somebody else may write: see base/path_below.h.
  static Result<DurableFile> create(const PathBelow& final_path);
  DurableFile(DurableFile&&) noexcept = default;
  DurableFile& operator=(DurableFile&& other) noexcept;
  ~DurableFile();

  // Buffered; an Error may come from an earlier write.
  Result<void> write(std::string_view bytes);
  Result<void> commit();

 private:
  DurableFile(UniqueFd directory, std::filesystem::path final_path) noexcept;
  Result<void> open_temporary();
  Result<void> flush_buffer();
  void discard();

  UniqueFd directory_;                // stays the same one, whatever becomes of its path
  std::filesystem::path final_path_;  // its directory is only for messages
  std::string temporary_name_;
  UniqueFd fd_;
  std::string buffer_;
};

// Removes what an interrupted DurableFile left in `directory` (not below it).
void remove_temporary_files(const std::filesystem::path& directory);
void remove_temporary_files(const PathBelow& directory);

}  // namespace mig_runner

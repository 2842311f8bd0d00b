// Preloaded into a program (LD_PRELOAD), it takes the place of some of the C library's functions and lets one call
// fail.
//
//   MIG_FAIL         "KIND NUMBER ERRNO": the NUMBER-th call of KIND (from 1) fails with ERRNO; 0: none does
//   MIG_FAIL_BELOW   calls that concern a file below this directory are counted, others are not
//   MIG_FAIL_REPORT  a file; "failed KIND PATH" is appended when the call fails, "KIND COUNT" for each kind at the end
//
// Active in the program mig-runner only, not in what that starts.

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

enum Kind { kOpen, kStat, kRead, kWrite, kFlush, kRename, kRemove, kKinds };
constexpr std::array<const char*, kKinds> kNames{"open", "stat", "read", "write", "fsync", "rename", "unlink"};

class Plan {
 public:
  Plan() {
    char program[PATH_MAX]{};
    const auto size = readlink("/proc/self/exe", program, sizeof program - 1);
    const char* plan = std::getenv("MIG_FAIL");
    const char* below = std::getenv("MIG_FAIL_BELOW");
    const char* report = std::getenv("MIG_FAIL_REPORT");
    if (size <= 0 || plan == nullptr || below == nullptr || report == nullptr) return;
    if (!std::string_view(program).ends_with("/mig-runner")) return;
    char kind[16]{};
    std::sscanf(plan, "%15s %ld %d", kind, &number_, &error_);
    for (int i = 0; i < kKinds; ++i)
      if (std::strcmp(kNames[static_cast<std::size_t>(i)], kind) == 0) kind_ = i;
    below_ = below;
    // Not by the functions below, which wait for this constructor.
    report_ = static_cast<int>(syscall(SYS_openat, AT_FDCWD, report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    active_ = true;
  }
  ~Plan() {
    if (!active_) return;
    active_ = false;
    for (std::size_t i = 0; i < kKinds; ++i) tell(std::string(kNames[i]) + " " + std::to_string(counts_[i].load()));
  }

  // Whether this call is the one; errno is set then.
  bool fails(Kind kind, int directory, const char* path) {
    if (!active_) return false;
    const auto whole = path != nullptr && path[0] == '/' ? std::string(path)
                                                         : path_of(directory) + "/" + (path != nullptr ? path : "");
    return fails(kind, whole);
  }
  bool fails(Kind kind, int fd) { return active_ && fails(kind, path_of(fd)); }

 private:
  static std::string path_of(int fd) {
    const int before = errno;
    char path[PATH_MAX]{};
    const auto link = fd == AT_FDCWD ? std::string("/proc/self/cwd") : "/proc/self/fd/" + std::to_string(fd);
    const auto size = readlink(link.c_str(), path, sizeof path - 1);
    errno = before;
    return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : std::string();
  }

  bool fails(Kind kind, const std::string& path) {
    if (!path.starts_with(below_)) return false;
    const auto number = ++counts_[static_cast<std::size_t>(kind)];
    if (kind != kind_ || number != number_) return false;
    tell("failed " + std::string(kNames[static_cast<std::size_t>(kind)]) + " " + path);
    errno = error_;
    return true;
  }

  void tell(const std::string& text) const {
    const int before = errno;
    const auto line = text + "\n";
    syscall(SYS_write, report_, line.data(), line.size());
    errno = before;
  }

  bool active_ = false;
  int kind_ = -1, error_ = 0, report_ = -1;
  long number_ = 0;
  std::string below_;
  std::array<std::atomic<long>, kKinds> counts_{};
};

Plan& plan() {
  static Plan plan;
  return plan;
}
[[maybe_unused]] const Plan& made_at_start = plan();

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

// The real function is found by its own name, which has variants with 64-bit offsets.
#define REAL(name) static auto* const real = next<decltype(name)>(#name)

extern "C" {

#define OPEN(name)                                                             \
  int name(const char* path, int flags, ...) {                                 \
    va_list arguments;                                                         \
    va_start(arguments, flags);                                                \
    const mode_t mode = mode_of(flags, arguments);                             \
    va_end(arguments);                                                         \
    REAL(name);                                                                \
    return plan().fails(kOpen, AT_FDCWD, path) ? -1 : real(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                       \
  int name(int directory, const char* path, int flags, ...) {                              \
    va_list arguments;                                                                     \
    va_start(arguments, flags);                                                            \
    const mode_t mode = mode_of(flags, arguments);                                         \
    va_end(arguments);                                                                     \
    REAL(name);                                                                            \
    return plan().fails(kOpen, directory, path) ? -1 : real(directory, path, flags, mode); \
  }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name)                                                          \
  FILE* name(const char* path, const char* mode) {                           \
    REAL(name);                                                              \
    return plan().fails(kOpen, AT_FDCWD, path) ? nullptr : real(path, mode); \
  }
FOPEN(fopen)
FOPEN(fopen64)

DIR* opendir(const char* path) {
  REAL(opendir);
  return plan().fails(kOpen, AT_FDCWD, path) ? nullptr : real(path);
}

#define MKOSTEMP(name)                                                   \
  int name(char* path, int flags) {                                      \
    REAL(name);                                                          \
    return plan().fails(kOpen, AT_FDCWD, path) ? -1 : real(path, flags); \
  }
MKOSTEMP(mkostemp)
MKOSTEMP(mkostemp64)

#define STAT(name, type)                                                  \
  int name(const char* path, struct type* status) noexcept {              \
    REAL(name);                                                           \
    return plan().fails(kStat, AT_FDCWD, path) ? -1 : real(path, status); \
  }
STAT(stat, stat)
STAT(stat64, stat64)
STAT(lstat, stat)
STAT(lstat64, stat64)

#define FSTAT(name, type)                                   \
  int name(int fd, struct type* status) noexcept {          \
    REAL(name);                                             \
    return plan().fails(kStat, fd) ? -1 : real(fd, status); \
  }
FSTAT(fstat, stat)
FSTAT(fstat64, stat64)

#define FSTATAT(name, type)                                                                  \
  int name(int directory, const char* path, struct type* status, int flags) noexcept {       \
    REAL(name);                                                                              \
    return plan().fails(kStat, directory, path) ? -1 : real(directory, path, status, flags); \
  }
FSTATAT(fstatat, stat)
FSTATAT(fstatat64, stat64)

int access(const char* path, int mode) noexcept {
  REAL(access);
  return plan().fails(kStat, AT_FDCWD, path) ? -1 : real(path, mode);
}

ssize_t read(int fd, void* data, size_t size) {
  REAL(read);
  return plan().fails(kRead, fd) ? -1 : real(fd, data, size);
}

#define PREAD(name, offset_type)                                        \
  ssize_t name(int fd, void* data, size_t size, offset_type offset) {   \
    REAL(name);                                                         \
    return plan().fails(kRead, fd) ? -1 : real(fd, data, size, offset); \
  }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

#define READDIR(name, type)                                                   \
  struct type* name(DIR* directory) {                                         \
    REAL(name);                                                               \
    return plan().fails(kRead, dirfd(directory)) ? nullptr : real(directory); \
  }
READDIR(readdir, dirent)
READDIR(readdir64, dirent64)

ssize_t write(int fd, const void* data, size_t size) {
  REAL(write);
  return plan().fails(kWrite, fd) ? -1 : real(fd, data, size);
}

ssize_t writev(int fd, const iovec* parts, int count) {
  REAL(writev);
  return plan().fails(kWrite, fd) ? -1 : real(fd, parts, count);
}

#define PWRITE(name, offset_type)                                           \
  ssize_t name(int fd, const void* data, size_t size, offset_type offset) { \
    REAL(name);                                                             \
    return plan().fails(kWrite, fd) ? -1 : real(fd, data, size, offset);    \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

int mkdir(const char* path, mode_t mode) noexcept {
  REAL(mkdir);
  return plan().fails(kWrite, AT_FDCWD, path) ? -1 : real(path, mode);
}

int mkdirat(int directory, const char* path, mode_t mode) noexcept {
  REAL(mkdirat);
  return plan().fails(kWrite, directory, path) ? -1 : real(directory, path, mode);
}

#define TRUNCATE(name, offset_type)                        \
  int name(int fd, offset_type size) noexcept {            \
    REAL(name);                                            \
    return plan().fails(kWrite, fd) ? -1 : real(fd, size); \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

int fsync(int fd) {
  REAL(fsync);
  return plan().fails(kFlush, fd) ? -1 : real(fd);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  return plan().fails(kFlush, fd) ? -1 : real(fd);
}

int rename(const char* from, const char* to) noexcept {
  REAL(rename);
  return plan().fails(kRename, AT_FDCWD, from) ? -1 : real(from, to);
}

int renameat(int from_directory, const char* from, int to_directory, const char* to) noexcept {
  REAL(renameat);
  return plan().fails(kRename, from_directory, from) ? -1 : real(from_directory, from, to_directory, to);
}

int unlink(const char* path) noexcept {
  REAL(unlink);
  return plan().fails(kRemove, AT_FDCWD, path) ? -1 : real(path);
}

int unlinkat(int directory, const char* path, int flags) noexcept {
  REAL(unlinkat);
  return plan().fails(kRemove, directory, path) ? -1 : real(directory, path, flags);
}
}

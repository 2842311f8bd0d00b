#include "store/tree_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace mig_runner::store {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "?";
}

std::string holder(int fd) {
  std::array<char, 512> text{};
  const auto size = pread(fd, text.data(), text.size(), 0);
  std::string who(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!who.empty() && who.back() == '\n') who.pop_back();
  return who.empty() ? "another process" : who;
}

}  // namespace

Result<TreeLock> TreeLock::acquire(const std::filesystem::path& state_directory, Timestamp now) {
  std::error_code error;
  std::filesystem::create_directories(state_directory, error);
  if (error) return fail("the directory cannot be made: " + error.message(), state_directory);
  chmod(state_directory.c_str(), 0700);
  const auto path = state_directory / "lock";
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return fail_errno("the lock cannot be opened", path);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno("the tree cannot be locked", path);
    return fail("another runner works on this tree: " + holder(fd.get()), path);
  }
  const auto text = "process " + std::to_string(getpid()) + " on " + host_name() + " since " + format_utc(now) + "\n";
  if (ftruncate(fd.get(), 0) != 0 || pwrite(fd.get(), text.data(), text.size(), 0) < 0)
    return fail_errno("the lock cannot be written", path);
  return TreeLock(std::move(fd));
}

}  // namespace mig_runner::store

#include "store/tree_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/host_name.h"

namespace mig_runner::store {
namespace {

constexpr std::size_t kMaxHolderBytes = 512;

std::string this_process(Timestamp now) {
  return "process " + std::to_string(getpid()) + " on " + host_name() + " since " + format_utc(now);
}

// A lock of the open file, not of the process: who only asks does not need to take it.
struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

// One line without control characters, since anybody may have written the file.
std::string holder_of(const std::filesystem::path& path) {
  auto text = read_file(path, kMaxHolderBytes).value_or("");
  text.erase(std::find(text.begin(), text.end(), '\n'), text.end());
  std::erase_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  return text.empty() ? "another process" : text;
}

}  // namespace

Result<TreeLock> TreeLock::acquire(const std::filesystem::path& state_directory, Timestamp now) {
  if (auto made = make_directories(state_directory); !made) return tl::unexpected(made.error());
  const auto path = state_directory / "lock";
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail_errno("the lock cannot be opened", path);
  auto lock = whole_file();
  while (fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EACCES) return fail_errno("the lock cannot be taken", path);
    return fail("another runner works on this tree: " + holder_of(path), path);
  }
  const auto holder = this_process(now) + '\n';
  if (ftruncate(fd.get(), 0) != 0 || pwrite(fd.get(), holder.data(), holder.size(), 0) < 0)
    return fail_errno("the lock cannot be written", path);
  return TreeLock(std::move(fd));
}

std::optional<std::string> TreeLock::holder(const std::filesystem::path& state_directory) {
  const auto path = state_directory / "lock";
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  auto lock = whole_file();
  if (!fd || fcntl(fd.get(), F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  return holder_of(path);
}

}  // namespace mig_runner::store

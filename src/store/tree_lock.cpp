#include "store/tree_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file_status.h"
#include "base/host_name.h"
#include "store/sql/opened_path.h"

namespace mig_runner::store {
namespace {

namespace fs = std::filesystem;

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

Error refused(const fs::path& state_directory) {
  const auto holder = TreeLock::holder(state_directory).value_or(std::nullopt);
  return {"another runner works on this tree: " + holder.value_or("another process"), state_directory / "lock",
          Retry::no};
}

// None where such a directory cannot be locked.
Result<UniqueFd> lock_directory(const fs::path& tree, const fs::path& state_directory) {
  UniqueFd fd(open(tree.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd && errno == EACCES) return UniqueFd();
  if (!fd) return fail_errno("the directory cannot be opened", tree);
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return tl::unexpected(refused(state_directory));
    return UniqueFd();
  }
  return fd;
}

Result<UniqueFd> lock_file(const fs::path& state_directory, Timestamp now) {
  const auto path = state_directory / "lock";
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail_errno("the lock cannot be opened", path);
  auto lock = whole_file();
  while (fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EACCES) return fail_errno("the lock cannot be taken", path);
    return tl::unexpected(refused(state_directory));
  }
  const auto holder = this_process(now) + '\n';
  if (ftruncate(fd.get(), 0) != 0 || pwrite(fd.get(), holder.data(), holder.size(), 0) < 0)
    return fail_errno("the lock cannot be written", path);
  return fd;
}

}  // namespace

TreeLock::TreeLock(UniqueFd directory, UniqueFd file, std::vector<OpenedPath> places)
    : directory_(std::move(directory)), file_(std::move(file)), places_(std::move(places)) {}
TreeLock::TreeLock(TreeLock&&) noexcept = default;
TreeLock& TreeLock::operator=(TreeLock&&) noexcept = default;
TreeLock::~TreeLock() = default;

Result<TreeLock> TreeLock::acquire(const fs::path& state_directory, Timestamp now) {
  const auto parent = state_directory.parent_path();
  const fs::path tree = parent.empty() ? "." : parent;
  if (auto made = make_directories(tree); !made) return tl::unexpected(made.error());
  // First: a runner that is refused makes no state directory in the place of the one that was renamed.
  auto directory = lock_directory(tree, state_directory);
  if (!directory) return tl::unexpected(directory.error());
  if (auto made = make_directories(state_directory); !made) return tl::unexpected(made.error());
  auto file = lock_file(state_directory, now);
  if (!file) return tl::unexpected(file.error());
  std::vector<OpenedPath> places;
  for (const auto& path : {tree, state_directory, state_directory / "lock"}) {
    auto place = OpenedPath::at(path);
    if (!place) return tl::unexpected(place.error());
    places.push_back(std::move(*place));
  }
  return TreeLock(std::move(*directory), std::move(*file), std::move(places));
}

Result<void> TreeLock::check() const {
  for (const auto& place : places_)
    if (auto there = place.check(); !there) return there;
  return {};
}

Result<std::optional<std::string>> TreeLock::holder(const fs::path& state_directory) {
  const auto path = state_directory / "lock";
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd && means_absent(errno)) return std::nullopt;
  auto lock = whole_file();
  if (!fd || fcntl(fd.get(), F_OFD_GETLK, &lock) != 0)
    return fail_errno("it cannot be told whether a runner is at work", path);
  if (lock.l_type == F_UNLCK) return std::nullopt;
  return holder_of(path);
}

}  // namespace mig_runner::store

#include "base/file_status.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace mig_runner {
namespace {

namespace fs = std::filesystem;

using Status = std::optional<struct stat>;
using Opened = std::optional<UniqueFd>;

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

// A symlink with O_NOFOLLOW is ELOOP; with O_DIRECTORY too, ENOTDIR.
constexpr int kDirectoryFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;
constexpr int kFileFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

Result<Opened> regular(UniqueFd fd, const fs::path& path) {
  if (!fd && means_absent(errno)) return std::nullopt;
  if (!fd && errno == ELOOP) return fail("it is a symlink, which is not followed here", path);
  // How the kernel answers for a socket or for a device without a driver.
  if (!fd && errno == ENXIO) return fail("it is not a regular file", path);
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) return fail_errno("it cannot be opened", path);
  if (!S_ISREG(status.st_mode)) return fail("it is not a regular file", path);
  return fd;
}

Result<Status> status_of(int failed, const struct stat& status, const fs::path& path) {
  if (failed == 0) return status;
  if (means_absent(errno)) return std::nullopt;
  return fail_errno("it cannot be looked at", path);
}

bool is_symlink(int directory, const char* name) {
  struct stat status {};
  return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
}

}  // namespace

bool means_absent(int error_number) {
  return error_number == ENOENT || error_number == ENOTDIR;
}

Result<Status> file_status(const fs::path& path, Symlinks symlinks) {
  struct stat status {};
  const int flags = symlinks == Symlinks::refused ? AT_SYMLINK_NOFOLLOW : 0;
  return status_of(fstatat(AT_FDCWD, path.c_str(), &status, flags), status, path);
}

Result<Status> file_status(int directory, const std::string& name) {
  struct stat status {};
  return status_of(fstatat(directory, name.c_str(), &status, 0), status, name);
}

Result<std::optional<std::vector<std::string>>> names_in(const fs::path& directory) {
  UniqueFd opened(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened && means_absent(errno)) return std::nullopt;
  if (!opened) return fail_errno("the directory cannot be read", directory);
  return names_in(std::move(opened), directory);
}

Result<std::vector<std::string>> names_in(UniqueFd directory, const fs::path& path) {
  const std::unique_ptr<DIR, CloseDirectory> open(fdopendir(directory.get()));
  if (!open) return fail_errno("the directory cannot be read", path);
  directory.release();
  std::vector<std::string> names;
  while (true) {
    errno = 0;  // the end of the directory leaves it as it is
    const auto* entry = readdir(open.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return fail_errno("the directory cannot be read", path);
  std::sort(names.begin(), names.end());
  return names;
}

Result<Opened> open_regular(const fs::path& path) {
  return regular(UniqueFd(open(path.c_str(), kFileFlags)), path);
}

Result<Opened> open_regular_below(const fs::path& root, const fs::path& relative) {
  if (relative.empty() || relative.is_absolute()) return fail("it is not a path below " + root.string(), relative);
  UniqueFd at(open(root.c_str(), kDirectoryFlags));
  auto path = root;
  for (auto part = relative.begin(); part != relative.end(); ++part) {
    if (!at && means_absent(errno)) return std::nullopt;
    if (!at) return fail_errno("it cannot be opened", path);
    path /= *part;
    if (*part == ".." || part->empty()) return fail("a path may not contain \"" + part->string() + "\" here", path);
    if (std::next(part) == relative.end())
      return regular(UniqueFd(openat(at.get(), part->c_str(), kFileFlags | O_NOFOLLOW)), path);
    UniqueFd next(openat(at.get(), part->c_str(), kDirectoryFlags | O_NOFOLLOW));
    if (!next && errno == ENOTDIR && is_symlink(at.get(), part->c_str()))
      return fail("it is a symlink, which is not followed here", path);
    const int error = errno;
    at = std::move(next);
    errno = error;  // closing may change it
  }
  return std::nullopt;
}

}  // namespace mig_runner

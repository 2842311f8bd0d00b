#include "base/path_below.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file_status.h"

namespace mig_runner {
namespace {

namespace fs = std::filesystem;

using Opened = std::optional<UniqueFd>;

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

Result<void> check_names(const PathBelow& path) {
  if (path.relative.is_absolute()) return fail("it is not a path below " + path.root.string(), path.relative);
  for (const auto& part : path.relative)
    if (part.empty() || part == "." || part == "..")
      return fail("a path may not contain \"" + part.string() + "\" here", path.whole());
  return {};
}

bool is_symlink(int directory, const char* name) {
  struct stat status {};
  return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
}

// A symlink with O_NOFOLLOW and O_DIRECTORY is ENOTDIR.
Result<Opened> open_part(int directory, const fs::path& part, const fs::path& whole) {
  UniqueFd next(openat(directory, part.c_str(), kDirectoryFlags | O_NOFOLLOW));
  if (next) return next;
  const int error = errno;
  if (error == ENOTDIR && is_symlink(directory, part.c_str()))
    return fail("it is a symlink, which is not followed here", whole);
  if (means_absent(error)) return std::nullopt;
  errno = error;
  return fail_errno("the directory cannot be opened", whole);
}

Result<Opened> open_root(const fs::path& root) {
  UniqueFd at(open(root.c_str(), kDirectoryFlags));
  if (at) return at;
  if (means_absent(errno)) return std::nullopt;
  return fail_errno("the directory cannot be opened", root);
}

Result<UniqueFd> make_part(int directory, const fs::path& part, const fs::path& whole) {
  if (mkdirat(directory, part.c_str(), 0700) != 0 && errno != EEXIST)
    return fail_errno("the directory cannot be made", whole);
  if (fsync(directory) != 0) return fail_errno("the directory cannot be flushed", whole.parent_path());
  auto made = open_part(directory, part, whole);
  if (!made) return tl::unexpected(made.error());
  if (!*made) return fail("it is not a directory", whole, Retry::later);
  return std::move(**made);
}

}  // namespace

Result<Opened> open_directory_below(const PathBelow& path) {
  if (auto names = check_names(path); !names) return tl::unexpected(names.error());
  auto at = open_root(path.root);
  auto whole = path.root;
  for (const auto& part : path.relative) {
    if (!at || !*at) return at;
    whole /= part;
    at = open_part((*at)->get(), part, whole);
  }
  return at;
}

Result<UniqueFd> make_directory_below(const PathBelow& path) {
  if (auto names = check_names(path); !names) return tl::unexpected(names.error());
  if (auto made = make_directories(path.root); !made) return tl::unexpected(made.error());
  auto root = open_root(path.root);
  if (!root) return tl::unexpected(root.error());
  if (!*root) return fail("it is not a directory", path.root, Retry::later);
  auto at = std::move(**root);
  auto whole = path.root;
  for (const auto& part : path.relative) {
    whole /= part;
    auto next = open_part(at.get(), part, whole);
    if (!next) return tl::unexpected(next.error());
    if (*next) {
      at = std::move(**next);
      continue;
    }
    auto made = make_part(at.get(), part, whole);
    if (!made) return made;
    at = std::move(*made);
  }
  return at;
}

Result<std::optional<std::vector<std::string>>> names_below(const PathBelow& directory) {
  auto opened = open_directory_below(directory);
  if (!opened) return tl::unexpected(opened.error());
  if (!*opened) return std::nullopt;
  return names_in(std::move(**opened), directory.whole());
}

Result<Opened> open_regular_below(const PathBelow& path) {
  return open_regular_below(path.root, path.relative);
}

Result<std::optional<std::string>> read_file_below(const PathBelow& path, std::size_t max_bytes) {
  const auto opened = open_regular_below(path);
  if (!opened) return tl::unexpected(opened.error());
  if (!*opened) return std::nullopt;
  return read_file(**opened, path.whole(), max_bytes);
}

Result<bool> rename_below(const PathBelow& from, const std::string& new_name) {
  const auto directory = open_directory_below(from.parent());
  if (!directory) return tl::unexpected(directory.error());
  if (!*directory) return false;
  const int at = (*directory)->get();
  if (renameat(at, from.relative.filename().c_str(), at, new_name.c_str()) == 0) return true;
  if (means_absent(errno)) return false;
  return fail_errno("the file cannot be renamed", from.whole());
}

Result<bool> remove_file_below(const PathBelow& path) {
  const auto directory = open_directory_below(path.parent());
  if (!directory) return tl::unexpected(directory.error());
  if (!*directory) return false;
  if (unlinkat((*directory)->get(), path.relative.filename().c_str(), 0) == 0) return true;
  if (means_absent(errno)) return false;
  return fail_errno("the file cannot be removed", path.whole());
}

void remove_empty_directory_below(const PathBelow& path) {
  const auto parent = open_directory_below(path.parent());
  if (parent && *parent) unlinkat((*parent)->get(), path.relative.filename().c_str(), AT_REMOVEDIR);
}

Result<void> move_file_below(const PathBelow& from, const PathBelow& to) {
  const auto old_place = open_directory_below(from.parent());
  if (!old_place) return tl::unexpected(old_place.error());
  if (!*old_place) return fail("there is no such file", from.whole(), Retry::later);
  const auto new_place = make_directory_below(to.parent());
  if (!new_place) return tl::unexpected(new_place.error());
  if (renameat((*old_place)->get(), from.relative.filename().c_str(), new_place->get(),
               to.relative.filename().c_str()) != 0)
    return fail_errno("the file cannot get its name", to.whole());
  if (fsync(new_place->get()) != 0) return fail_errno("the directory cannot be flushed", to.parent().whole());
  return {};
}

}  // namespace mig_runner

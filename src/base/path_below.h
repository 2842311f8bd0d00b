#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"

namespace mig_runner {

// A path below a directory in which somebody else may write. `root` is followed as any path is; no component of
// `relative` may be a symlink or "..", so that nothing outside of `root` is read, replaced, moved or removed.
// Of the functions below, an Error with Retry::no names the component that is not what it must be; with Retry::later,
// the deed may work another time.
struct PathBelow {
  std::filesystem::path root, relative;

  std::filesystem::path whole() const { return root / relative; }
  PathBelow parent() const { return {root, relative.parent_path()}; }
  // The same place with `ending` behind its name.
  PathBelow with(const std::string& ending) const { return {root, relative.string() + ending}; }
};

// The directory itself; an empty `relative` is the root. Nullopt: nothing stands there.
Result<std::optional<UniqueFd>> open_directory_below(const PathBelow& path);
// Makes what is missing below the root, and the root, mode 0700, flushing each one's parent.
Result<UniqueFd> make_directory_below(const PathBelow& path);
// The names in a directory, sorted. Nullopt: nothing stands there.
Result<std::optional<std::vector<std::string>>> names_below(const PathBelow& directory);

// A regular file, opened for reading as open_regular_below() does. Nullopt: nothing stands there.
Result<std::optional<UniqueFd>> open_regular_below(const PathBelow& path);

// All of it. A larger one than `max_bytes` is an Error.
Result<std::optional<std::string>> read_file_below(const PathBelow& path, std::size_t max_bytes);

// False: nothing stands there.
Result<bool> rename_below(const PathBelow& from, const std::string& new_name);
Result<bool> remove_file_below(const PathBelow& path);
// Removes a directory where it is empty; whatever else becomes of it is not told.
void remove_empty_directory_below(const PathBelow& path);

// Gives a file that is flushed another place on the same file system, makes the missing directories and flushes the new
// one.
Result<void> move_file_below(const PathBelow& from, const PathBelow& to);

}  // namespace mig_runner

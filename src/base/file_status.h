#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"

namespace mig_runner {

// An error is not an absence: the functions below tell "nothing stands there" (nullopt) from "it cannot be told now"
// (an Error, always Retry::later). Every decision that rests on something being absent goes through them.

// Only ENOENT and ENOTDIR mean that nothing stands at a path. Any other errno (EACCES, EMFILE, EIO, ESTALE, ENOMEM, ..)
// says nothing about it.
bool means_absent(int error_number);

enum class Symlinks { followed, refused };

// stat(2) of `path`; where symlinks are refused, lstat(2): a last component that is a symlink is shown as one.
Result<std::optional<struct stat>> file_status(const std::filesystem::path& path, Symlinks symlinks);

// The same for `name` below an open directory, for those who look at thousands.
Result<std::optional<struct stat>> file_status(int directory, const std::string& name);

// The names in `directory`, sorted, without "." and "..".
Result<std::optional<std::vector<std::string>>> names_in(const std::filesystem::path& directory);
// The same of one that is open for reading; `path` is only for messages.
Result<std::vector<std::string>> names_in(UniqueFd directory, const std::filesystem::path& path);

// Opens a regular file for reading; never blocks, whatever stands there. A file of another kind is an Error with
// Retry::no. The descriptor itself is in blocking mode, which a regular file does not notice.
Result<std::optional<UniqueFd>> open_regular(const std::filesystem::path& path);

// The same for `relative` below `root`. No component below `root` may be a symlink or "..": somebody who may write
// there cannot lead the reader elsewhere. An Error with Retry::no names the component that is not what it must be.
Result<std::optional<UniqueFd>> open_regular_below(const std::filesystem::path& root,
                                                   const std::filesystem::path& relative);

}  // namespace mig_runner

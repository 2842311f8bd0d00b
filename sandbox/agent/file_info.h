#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace mig_sandbox {

// A file as a search sees it: what its path leads to (the target, where it is a link to something that is there).
struct FileInfo {
  std::string path;
  mode_t mode = 0;
  std::int64_t size = 0;
  timespec mtime{};
  std::string sha256;  // upper-case hex, where it was asked for

  static FileInfo from(std::string path, const struct stat& status);
  std::string_view name() const;
  bool is_regular() const { return S_ISREG(mode); }
  // As Go's os.FileMode prints: "-rw-r--r--", "drwxr-xr-x", "urwxr-xr-x" (set-user-id), "Lrwxrwxrwx", "Dcrw-rw-rw-".
  std::string mode_text() const;
  // As Go's time.Time prints: "2026-11-23 08:14:34.724242199 +0000 UTC".
  std::string mtime_text() const;
};

}  // namespace mig_sandbox

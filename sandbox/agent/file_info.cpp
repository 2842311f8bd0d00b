#include "sandbox/agent/file_info.h"

#include <cstdio>

namespace mig_sandbox {

FileInfo FileInfo::from(std::string path, const struct stat& status) {
  return {
      .path = std::move(path), .mode = status.st_mode, .size = status.st_size, .mtime = status.st_mtim, .sha256 = {}};
}

std::string_view FileInfo::name() const {
  return std::string_view(path).substr(path.rfind('/') + 1);
}

std::string FileInfo::mode_text() const {
  std::string text;
  if (S_ISDIR(mode)) text += 'd';
  if (S_ISLNK(mode)) text += 'L';
  if (S_ISBLK(mode) || S_ISCHR(mode)) text += 'D';
  if (S_ISFIFO(mode)) text += 'p';
  if (S_ISSOCK(mode)) text += 'S';
  if ((mode & S_ISUID) != 0) text += 'u';
  if ((mode & S_ISGID) != 0) text += 'g';
  if (S_ISCHR(mode)) text += 'c';
  if ((mode & S_ISVTX) != 0) text += 't';
  if (text.empty()) text = "-";
  constexpr std::string_view kLetters = "rwxrwxrwx";
  for (unsigned i = 0; i < kLetters.size(); ++i) text += (mode & (0400U >> i)) != 0 ? kLetters[i] : '-';
  return text;
}

std::string FileInfo::mtime_text() const {
  std::tm parts{};
  gmtime_r(&mtime.tv_sec, &parts);
  char buffer[64];
  const std::size_t length = std::strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M:%S", &parts);
  std::string text(buffer, length);
  if (mtime.tv_nsec != 0) {
    std::snprintf(buffer, sizeof buffer, ".%09ld", mtime.tv_nsec);
    text += buffer;
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + " +0000 UTC";
}

}  // namespace mig_sandbox

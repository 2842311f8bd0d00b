#include "cron/zone_names.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "base/nearest.h"
#include "base/text.h"

namespace mig_runner::cron {
namespace {

std::string normalized(std::string_view name) {
  auto result = lower(name);
  std::replace(result.begin(), result.end(), ' ', '_');
  return result;
}

}  // namespace

std::filesystem::path zone_directory() {
  const char* directory = std::getenv("TZDIR");
  return directory != nullptr && *directory != '\0' ? directory : "/usr/share/zoneinfo";
}

std::vector<std::string> zone_names(const std::filesystem::path& directory) {
  namespace fs = std::filesystem;
  std::vector<std::string> names;
  std::error_code error;
  std::error_code ignored;  // a dangling link is no reason to stop
  fs::recursive_directory_iterator entry(directory, fs::directory_options::skip_permission_denied, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    // Zones and their folders begin with a capital letter; tables, copies (posix/, right/) and settings do not.
    const auto file = entry->path().filename().string();
    if (file.front() < 'A' || file.front() > 'Z') {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file(ignored)) {
      names.push_back(entry->path().lexically_relative(directory).string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string nearest_zone_name(std::string_view wrong, const std::vector<std::string>& names) {
  constexpr std::size_t kLongestName = 64;  // no zone has a name that long
  const auto wanted = normalized(wrong.substr(0, kLongestName));
  return nearest(names, [&](const std::string& name) {
    const auto known = normalized(name);
    const auto last_part = std::string_view(known).substr(known.rfind('/') + 1);
    // Of those that are equally near, the shortest.
    return std::min(edit_distance(wanted, known), edit_distance(wanted, last_part)) * kLongestName + name.size();
  });
}

}  // namespace mig_runner::cron

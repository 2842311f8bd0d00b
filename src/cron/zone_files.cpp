#include "cron/zone_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file_status.h"
#include "cron/tzif.h"
#include "cron/zone_names.h"
#include "cron/zone_rules.h"

namespace mig_runner::cron {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargest = 1 << 16;  // bytes; the largest known have 4 KB
constexpr std::size_t kMostFailed = 64;    // jobs may name any number of zones that do not exist

// "/usr/share/zoneinfo/Europe/Berlin" is called Europe/Berlin; another file by its path.
std::string name_of(const fs::path& path) {
  auto text = path.string();
  for (const auto& mark : {zone_directory().string() + '/', std::string("/zoneinfo/")})
    if (const auto at = text.find(mark); at != std::string::npos) return text.substr(at + mark.size());
  return text;
}

// Where a link leads to; nullopt: it is no link.
Result<std::optional<fs::path>> target_of(const fs::path& path) {
  std::error_code error;
  auto target = fs::read_symlink(path, error);
  if (error == std::errc::invalid_argument) return std::nullopt;
  if (error) return fail("it cannot be looked at: " + error.message(), path, Retry::later);
  return (path.parent_path() / target).lexically_normal();
}

Result<std::string> read_all(const UniqueFd& fd, const fs::path& path) {
  std::string bytes(kLargest, '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const auto got = ::read(fd.get(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("the time zone file cannot be read", path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  bytes.resize(size);
  return bytes;
}

Error gone(const ZoneFile& file) {
  const auto& path = file.path;
  if (file.kind != ZoneFile::Kind::machine) return {"there is no such time zone file", path, Retry::later, {}};
  const auto target = target_of(path);
  return {"it is a link to " + (target && *target ? (**target).string() : std::string("a file")) +
              ", which does not exist: link it to a zone in " + zone_directory().string() +
              " (timedatectl set-timezone ZONE), or set timezone in runner.cfg",
          path,
          Retry::later,
          {}};
}

}  // namespace

ZoneFiles& ZoneFiles::shared() {
  static ZoneFiles files;
  return files;
}

// nullopt: nothing stands at the path, not even a link to nothing.
Result<std::optional<ZoneFiles::Stamp>> ZoneFiles::stamp_of(const ZoneFile& file) {
  auto name = name_of(file.path);
  if (file.kind == ZoneFile::Kind::machine) {
    const auto link = file_status(file.path, Symlinks::refused);
    if (!link) return tl::unexpected(link.error());
    if (!*link) return std::nullopt;
    const auto target = target_of(file.path);
    if (!target) return tl::unexpected(target.error());
    if (*target) name = name_of(**target);
  }
  const auto status = file_status(file.path, Symlinks::followed);
  if (!status) return tl::unexpected(status.error());
  if (!*status && file.kind == ZoneFile::Kind::machine) return tl::unexpected(gone(file));
  if (!*status) return std::nullopt;
  const auto& found = **status;
  return Stamp{found.st_dev, found.st_ino, found.st_size, found.st_ctim.tv_sec * 1'000'000'000 + found.st_ctim.tv_nsec,
               std::move(name)};
}

// The stamp is taken first: a file that is replaced meanwhile has another one at the next look.
Result<std::optional<ZoneFiles::Content>> ZoneFiles::read(const ZoneFile& file) {
  auto stamp = stamp_of(file);
  if (!stamp) return tl::unexpected(stamp.error());
  if (!*stamp && file.kind == ZoneFile::Kind::machine) return Content{std::nullopt, utc_rules()};
  if (!*stamp) return std::nullopt;
  const auto fd = open_regular(file.path);
  if (!fd && fd.error().retry == Retry::no && file.kind == ZoneFile::Kind::named) return std::nullopt;  // a directory
  if (!fd) return tl::unexpected(fd.error());
  if (!*fd) return std::nullopt;
  const auto bytes = read_all(**fd, file.path);
  if (!bytes) return tl::unexpected(bytes.error());
  auto rules = read_tzif((*stamp)->name, *bytes);
  if (!rules) return fail(rules.error().what, file.path);
  return Content{std::move(*stamp), std::make_shared<const Zone::Rules>(std::move(*rules))};
}

Result<std::optional<RulesPtr>> ZoneFiles::rules(const ZoneFile& file) {
  const MutexLock lock(mutex_);
  const auto key = file.path.string();
  const auto known = known_.find(key);
  if (known != known_.end())
    if (auto rules = known->second.rules.lock()) return rules;
  auto content = read(file);
  if (content && *content) {
    known_[key] = {file, (*content)->stamp, (*content)->rules};
    failed_.erase(key);
    return (*content)->rules;
  }
  if (failed_.size() < kMostFailed) failed_[key] = file;
  if (!content) return tl::unexpected(content.error());
  if (file.kind == ZoneFile::Kind::named) return std::nullopt;
  return tl::unexpected(gone(file));
}

void ZoneFiles::renew(Known& known, const RulesPtr& old, std::vector<ZoneChange>& changes) {
  using Kind = ZoneChange::Kind;
  const auto mended = [&] {
    known.gone = false;
    if (std::exchange(known.told, false))
      changes.push_back({Kind::usable, "The file of the time zone " + old->name + " can be used again."});
  };
  const auto stamp = stamp_of(known.file);
  if (stamp && *stamp == known.stamp) return mended();
  // Between `rm` and `ln -s` nothing stands there for a moment.
  const bool absent = stamp && !*stamp;
  if (absent && !std::exchange(known.gone, true)) return;
  known.gone = absent;
  auto content = read(known.file);
  if (content && !*content) content = tl::unexpected(gone(known.file));
  if (!content) {
    if (!std::exchange(known.told, true))
      changes.push_back(
          {Kind::kept, "The time zone " + old->name + " keeps its last good rules: " + content.error().text()});
    return;
  }
  auto& [new_stamp, rules] = **content;
  known.stamp = std::move(new_stamp);
  if (*rules == *old) return mended();
  known.told = false;
  known.rules = rules;
  const auto what = rules->name == old->name
                        ? "The rules of the time zone " + old->name + " changed"
                        : "The machine's time zone is " + rules->name + " now, no longer " + old->name;
  changes.push_back({Kind::changed, what + ": the next times of its jobs are those from now on.", rules});
}

std::vector<ZoneChange> ZoneFiles::renew() {
  const MutexLock lock(mutex_);
  std::vector<ZoneChange> changes;
  for (auto it = known_.begin(); it != known_.end();) {
    const auto old = it->second.rules.lock();
    if (!old) {
      it = known_.erase(it);
      continue;
    }
    renew(it->second, old, changes);
    ++it;
  }
  for (auto it = failed_.begin(); it != failed_.end();) {
    const auto content = read(it->second);
    if (!content || !*content) {
      ++it;
      continue;
    }
    const auto& rules = (*content)->rules;
    known_[it->first] = {it->second, (*content)->stamp, rules};
    changes.push_back({ZoneChange::Kind::usable, "The time zone " + rules->name + " can be used now.", rules});
    it = failed_.erase(it);
  }
  return changes;
}

}  // namespace mig_runner::cron

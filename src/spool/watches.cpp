#include "spool/watches.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <utility>

namespace mig_runner::spool {
namespace {

constexpr unsigned kMask = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF |
                           IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_ONLYDIR;

bool is_limit(int error_number) {
  return error_number == ENOSPC || error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM;
}

}  // namespace

// The watch, or -1.
int Watches::add(const std::string& owner, const std::filesystem::path& directory) {
  if (!inotify_) inotify_ = UniqueFd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const int watch = inotify_ ? inotify_add_watch(inotify_.get(), directory.c_str(), kMask) : -1;
  if (watch < 0 && is_limit(errno)) {
    limit_ = errno;
    unwatched_.insert(owner);
  }
  return watch;
}

void Watches::watch(const std::string& owner, const std::vector<Place>& places) {
  unwatched_.erase(owner);
  std::map<int, std::vector<Interest>> wanted;
  bool complete = true;
  int watch = -1;
  const std::filesystem::path* directory = nullptr;
  for (const auto& place : places) {
    if (directory == nullptr || place.directory != *directory) watch = add(owner, place.directory);
    directory = &place.directory;
    if (watch >= 0) wanted[watch].push_back({owner, place});
    complete = complete && watch >= 0;
  }
  auto& known = owners_[owner];
  std::set<int> watches;
  for (const auto& [number, interests] : wanted) watches.insert(number);
  if (watches != known.watches || known.moved_in) {
    known.open.clear();
    for (const auto& place : places)
      if (known.moved_in && !place.file.empty()) known.open[place.file] = false;
  }
  known.moved_in = false;
  known.complete = complete;
  const auto before = std::exchange(known.watches, std::move(watches));
  for (auto& [number, interests] : wanted) {
    auto& all = interests_[number];
    std::erase_if(all, [&](const auto& each) { return each.owner == owner; });
    std::move(interests.begin(), interests.end(), std::back_inserter(all));
  }
  for (const int number : before)
    if (!wanted.contains(number)) drop(owner, number);
}

bool Watches::has(const std::string& owner) const {
  const auto found = owners_.find(owner);
  return found != owners_.end() && found->second.complete;
}

void Watches::drop(const std::string& owner, int watch) {
  const auto found = interests_.find(watch);
  if (found == interests_.end()) return;
  std::erase_if(found->second, [&](const auto& each) { return each.owner == owner; });
  if (!found->second.empty()) return;
  interests_.erase(found);
  inotify_rm_watch(inotify_.get(), watch);
}

void Watches::forget(const std::string& owner) {
  unwatched_.erase(owner);
  const auto found = owners_.find(owner);
  if (found == owners_.end()) return;
  for (const int watch : found->second.watches) drop(owner, watch);
  owners_.erase(found);
}

void Watches::forget_all() {
  while (!owners_.empty()) forget(std::string(owners_.begin()->first));
}

std::optional<bool> Watches::is_open(const std::string& owner, const std::string& file) const {
  const auto found = owners_.find(owner);
  if (found == owners_.end()) return std::nullopt;
  const auto open = found->second.open.find(file);
  return open == found->second.open.end() ? std::nullopt : std::optional(open->second);
}

// The directory is gone, and the watch with it.
void Watches::take_lost(int watch, Events& events) {
  const auto found = interests_.find(watch);
  if (found == interests_.end()) return;
  for (const auto& [owner, place] : found->second) {
    owners_[owner].watches.erase(watch);
    owners_[owner].complete = false;
    if (owner == kRoot) events.everything = true;
    events.jobs.insert(owner);
  }
  interests_.erase(found);
}

void Watches::take_named(const Interest& interest, unsigned mask, const std::string& name, Events& events) {
  const auto& [owner, place] = interest;
  if (place.name.empty()) {
    if (name.starts_with('.')) return;
    events.jobs.insert(name);
    if ((mask & IN_MOVED_TO) != 0) owners_[name].moved_in = true;
    return;
  }
  if (place.name != name) return;
  if (owner == kRoot) events.everything = true;
  events.jobs.insert(owner);
  auto& known = owners_[owner];
  if (place.file.empty()) {
    known.moved_in = known.moved_in || (mask & IN_MOVED_TO) != 0;
  } else if ((mask & IN_MODIFY) != 0) {
    known.open[place.file] = true;
  } else if ((mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0) {
    known.open[place.file] = false;
  } else if ((mask & IN_ATTRIB) == 0) {
    known.open.erase(place.file);
  }
}

void Watches::take(int watch, unsigned mask, const char* name, Events& events) {
  if ((mask & IN_Q_OVERFLOW) != 0) {
    events.everything = true;
    for (auto& [owner, known] : owners_) known.open.clear();
    return;
  }
  if ((mask & IN_IGNORED) != 0) return take_lost(watch, events);
  const auto found = interests_.find(watch);
  if (found == interests_.end()) return;
  for (const auto& interest : found->second) {
    if (name != nullptr) {
      take_named(interest, mask, name, events);
    } else {
      if (interest.owner == kRoot) events.everything = true;
      events.jobs.insert(interest.owner);
    }
  }
}

Watches::Events Watches::read() {
  Events events;
  alignas(inotify_event) std::array<char, 65536> buffer;
  while (inotify_) {
    const auto size = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (size <= 0) break;
    for (const char* at = buffer.data(); at < buffer.data() + size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(at);
      take(event->wd, event->mask, event->len > 0 ? event->name : nullptr, events);
      at += sizeof(inotify_event) + event->len;
    }
  }
  events.jobs.erase(kRoot);
  return events;
}

}  // namespace mig_runner::spool

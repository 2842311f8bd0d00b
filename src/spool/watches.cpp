#include "spool/watches.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace mig_runner::spool {
namespace {

constexpr unsigned kComings = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
constexpr unsigned kRootMask = kComings | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr unsigned kJobMask = kComings | IN_CLOSE_WRITE | IN_ATTRIB | IN_ONLYDIR;

bool is_job_file(const char* name) {
  return std::strcmp(name, "entity.cfg") == 0 || std::strcmp(name, "action.json") == 0;
}

}  // namespace

Watches::Watches() : inotify_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {}

void Watches::watch_root(const std::filesystem::path& directory) {
  if (root_ < 0 && inotify_) root_ = inotify_add_watch(inotify_.get(), directory.c_str(), kRootMask);
}

int Watches::watch(const std::string& job, const std::filesystem::path& directory) {
  if (!inotify_) return -1;
  const int watch = inotify_add_watch(inotify_.get(), directory.c_str(), kJobMask);
  if (watch >= 0) jobs_[watch] = job;
  return watch;
}

void Watches::forget(int watch, const std::string& job) {
  const auto found = jobs_.find(watch);
  if (found == jobs_.end() || found->second != job) return;
  jobs_.erase(found);
  inotify_rm_watch(inotify_.get(), watch);
}

void Watches::take(int watch, unsigned mask, const char* name, Events& events) {
  if ((mask & IN_Q_OVERFLOW) != 0) {
    events.everything = true;
  } else if (watch == root_) {
    if ((mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0) {
      events.everything = true;
      root_ = -1;
    } else if (name != nullptr) {
      events.jobs.insert(name);
    }
  } else if (const auto job = jobs_.find(watch); job != jobs_.end()) {
    if ((mask & IN_IGNORED) != 0) {
      jobs_.erase(job);
    } else if (name != nullptr && is_job_file(name)) {
      events.jobs.emplace(job->second);
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
  return events;
}

}  // namespace mig_runner::spool

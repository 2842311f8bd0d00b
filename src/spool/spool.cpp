#include "spool/spool.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/file.h"
#include "spool/job_reader.h"
#include "spool/watches.h"

namespace mig_runner::spool {
namespace {

namespace fs = std::filesystem;

// Enough to tell whether a file is still the one that was read.
struct Stamp {
  std::uint64_t inode = 0;
  std::int64_t size = -1;  // there is no such file
  std::int64_t changed_ns = 0;
  bool there() const { return size >= 0; }
  bool operator==(const Stamp&) const = default;
};

Stamp stamp_of(int directory, const std::string& path) {
  struct stat status {};
  if (fstatat(directory, path.c_str(), &status, 0) != 0) return {};
  return {status.st_ino, status.st_size, status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec};
}

struct Stamps {
  Stamp entity, action;
  bool operator==(const Stamps&) const = default;
};

// What was last read of a job directory.
struct Known {
  Stamps stamps;
  JobPtr job;      // its last good form; null: it never was in order
  int watch = -1;  // see Watches
};

}  // namespace

struct Spool::Impl {
  Impl(fs::path runners_directory, config::JobSettings job_defaults)
      : directory(std::move(runners_directory)), defaults(std::move(job_defaults)) {}

  void examine(const std::string& name, bool settled, std::vector<Change>& changes);
  void read(const fs::path& job_directory, const std::string& name, Known& known, const Stamps& stamps,
            std::vector<Change>& changes);
  void no_job(const std::string& name, Known& known, std::vector<Change>& changes);
  void gone(const std::string& name, std::vector<Change>& changes);
  bool list(std::vector<std::string>& names, std::vector<Change>& changes);

  const fs::path directory;
  const config::JobSettings defaults;
  Watches watches;
  UniqueFd root;  // the directory, as of the last scan: paths within it are found in half the time
  std::map<std::string, Known> directories;
  std::set<std::string> reported_names;  // names that no job may have
  bool reported_directory = false;
};

Spool::Spool(fs::path runners_directory, config::JobSettings defaults)
    : impl_(std::make_unique<Impl>(std::move(runners_directory), std::move(defaults))) {}
Spool::~Spool() = default;

JobPtr Spool::find(const std::string& name) const {
  const auto known = impl_->directories.find(name);
  return known == impl_->directories.end() ? nullptr : known->second.job;
}
std::size_t Spool::size() const {
  return static_cast<std::size_t>(std::count_if(impl_->directories.begin(), impl_->directories.end(),
                                                [](const auto& each) { return each.second.job != nullptr; }));
}
int Spool::event_fd() const {
  return impl_->watches.fd();
}

// The directory has none of a job's files.
void Spool::Impl::no_job(const std::string& name, Known& known, std::vector<Change>& changes) {
  if (known.job) changes.push_back({Change::Kind::removed, name, nullptr, {}});
  known.stamps = {};
  known.job.reset();
}

void Spool::Impl::gone(const std::string& name, std::vector<Change>& changes) {
  reported_names.erase(name);
  const auto known = directories.find(name);
  if (known == directories.end()) return;
  watches.forget(known->second.watch, name);
  no_job(name, known->second, changes);
  directories.erase(known);
}

void Spool::Impl::read(const fs::path& job_directory, const std::string& name, Known& known, const Stamps& stamps,
                       std::vector<Change>& changes) {
  known.stamps = stamps;
  auto checked = read_job(read_job_files(job_directory), name, defaults);
  if (!checked.value) {
    changes.push_back({Change::Kind::broken, name, known.job, std::move(checked.problems)});
    return;
  }
  if (known.job && known.job->content_hash == checked.value->content_hash) return;
  const auto kind = known.job ? Change::Kind::changed : Change::Kind::added;
  known.job = std::make_shared<const Job>(std::move(*checked.value));
  changes.push_back({kind, name, known.job, std::move(checked.problems)});
}

// `settled`: no longer in the middle of being put there file by file.
void Spool::Impl::examine(const std::string& name, bool settled, std::vector<Change>& changes) {
  const Stamps stamps{stamp_of(root.get(), name + "/entity.cfg"), stamp_of(root.get(), name + "/action.json")};
  const auto found = directories.find(name);
  const bool unchanged = found != directories.end() && found->second.stamps == stamps;
  // By far the most common: ten thousand jobs of which none has changed.
  if (unchanged && watches.has(found->second.watch)) return;
  const bool no_file = !stamps.entity.there() && !stamps.action.there();
  const auto job_directory = directory / name;
  std::error_code error;
  if (no_file && !fs::is_directory(job_directory, error)) return gone(name, changes);
  if (const auto problem = job_name_problem(name); !problem.empty()) {
    if (reported_names.insert(name).second)
      changes.push_back({Change::Kind::broken, name, nullptr, {{job_directory, 0, 0, problem}}});
    return;
  }
  auto& known = directories[name];
  known.watch = watches.watch(name, job_directory);  // it may be another directory now
  if (no_file) return no_job(name, known, changes);
  if (!settled && !(stamps.entity.there() && stamps.action.there())) return;
  if (!unchanged) read(job_directory, name, known, stamps, changes);
}

// `names`: in order.
bool Spool::Impl::list(std::vector<std::string>& names, std::vector<Change>& changes) {
  watches.watch_root(directory);
  root = UniqueFd(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    const auto& path = entry->path().native();
    if (entry->is_directory(ignored)) names.push_back(path.substr(path.rfind('/') + 1));
  }
  std::sort(names.begin(), names.end());
  if (error && !reported_directory)
    changes.push_back({Change::Kind::broken,
                       "runners",
                       nullptr,
                       {{directory, 0, 0, "the directory of jobs cannot be read: " + error.message()}}});
  reported_directory = static_cast<bool>(error);
  return !error;
}

std::vector<Change> Spool::scan() {
  std::vector<Change> changes;
  std::vector<std::string> names;
  // A directory that cannot be read says nothing about its jobs: they keep running as they are.
  if (!impl_->list(names, changes)) return changes;
  std::vector<std::string> missing;
  for (const auto& [name, known] : impl_->directories)
    if (!std::binary_search(names.begin(), names.end(), name)) missing.push_back(name);
  for (const auto& name : missing) impl_->gone(name, changes);
  for (const auto& name : names) impl_->examine(name, true, changes);
  return changes;
}

std::vector<Change> Spool::read_events() {
  const auto events = impl_->watches.read();
  if (events.everything) return scan();
  std::vector<Change> changes;
  for (const auto& name : events.jobs) impl_->examine(name, false, changes);
  return changes;
}

}  // namespace mig_runner::spool

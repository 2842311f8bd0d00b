#include "spool/spool.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/file_status.h"
#include "base/names.h"
#include "spool/job_reader.h"
#include "spool/stamps.h"
#include "spool/watches.h"
#include "spool/writer.h"

namespace mig_runner::spool {
namespace {

namespace fs = std::filesystem;
using config::Problem;
using Kind = Change::Kind;
using Changes = std::vector<Change>;

// At events nothing is passed over as unchanged.
enum class Look { at_all, at_events };

// What was last read of a job directory.
struct Known {
  Stamps stamps;            // of what was last read
  JobPtr job;               // its last good form; null: it never was in order
  Stamps seen;              // at the last look
  Timestamp seen_since{};   // it looks so
  Timestamp waits_since{};  // while it is among those that wait
  bool wait_told = false;
  bool unreadable = false;  // told
  bool was_there = false;   // at the first scan
  bool inherited = false;   // its last good form, from an earlier spool
};

// Why one of the files that are there cannot be read now.
std::optional<Problem> passing_problem(const JobFiles& files, const Stamps& stamps) {
  const auto passes = [](const Stamp& stamp, const Result<std::string>& text) {
    return stamp.there() && !text && text.error().retry == Retry::later;
  };
  if (passes(stamps.entity, files.entity)) return Problem{files.entity_path, 0, 0, files.entity.error().what};
  if (passes(stamps.action, files.action)) return Problem{files.action_path, 0, 0, files.action.error().what};
  return std::nullopt;
}

}  // namespace

struct Spool::Impl {
  Impl(fs::path runners_directory, config::JobSettings job_defaults, const Clock& the_clock)
      : directory(std::move(runners_directory)), defaults(std::move(job_defaults)), clock(the_clock) {}

  void inherit(const std::string& name, Known& known, Changes& changes);
  Result<std::vector<std::string>> list();
  void examine(const std::string& name, Look look, Changes& changes);
  bool is_directory(const std::string& name, Changes& changes);
  bool is_being_written(const std::string& name, Known& known, const Stamps& stamps);
  void wait(const std::string& name, Known& known, Look look, Changes& changes);
  void read(const std::string& name, Known& known, const Stamps& stamps, Look look, Changes& changes);
  void unreadable(const std::string& name, Problem problem, Changes& changes);
  Problem below_root(const Error& error) const { return {directory / error.where, 0, 0, error.what}; }
  void readable(const std::string& name, Known& known, Changes& changes);
  void no_job(const std::string& name, Known& known, Changes& changes);
  void gone(const std::string& name, Changes& changes);
  void root_unreadable(const Error& error, Changes& changes);
  void tell_watches(Changes& changes);

  const fs::path directory;
  const config::JobSettings defaults;
  const Clock& clock;
  Watches watches;
  UniqueFd root;      // the directory, as of the last scan: paths within it are found in half the time
  fs::path resolved;  // the same, without symlinks
  std::map<std::string, Known> directories;
  std::map<std::string, JobPtr> last_good;  // of an earlier spool, until the first scan
  std::set<std::string> waiting;            // for a writer to close a file, or for a second file
  std::set<std::string> reported_names;     // names that no job may have
  bool scanned = false;                     // the first scan is over
  bool root_told = false;                   // that it cannot be read
  bool unwatched_told = false;
};

Spool::Spool(fs::path runners_directory, config::JobSettings defaults, const Clock& clock,
             const std::vector<JobPtr>& last_good)
    : impl_(std::make_unique<Impl>(std::move(runners_directory), std::move(defaults), clock)) {
  for (const auto& job : last_good) impl_->last_good.emplace(job->name, job);
}
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
bool Spool::is_waiting() const {
  return !impl_->waiting.empty();
}

// Goes on with the form that an earlier spool had.
void Spool::Impl::inherit(const std::string& name, Known& known, Changes& changes) {
  auto found = last_good.extract(name);
  if (!found || known.job) return;
  known.job = std::move(found.mapped());
  known.inherited = true;
  changes.push_back({Kind::added, name, known.job, true, {}});
}

// Told once until it is readable again.
void Spool::Impl::unreadable(const std::string& name, Problem problem, Changes& changes) {
  if (!job_name_problem(name).empty()) return;
  auto& known = directories[name];
  known.was_there = known.was_there || !scanned;
  waiting.erase(name);
  inherit(name, known, changes);
  if (!std::exchange(known.unreadable, true))
    changes.push_back({Kind::unreadable, name, known.job, false, {std::move(problem)}});
}

void Spool::Impl::readable(const std::string& name, Known& known, Changes& changes) {
  if (std::exchange(known.unreadable, false)) changes.push_back({Kind::readable, name, known.job, false, {}});
}

// The directory has none of a job's files.
void Spool::Impl::no_job(const std::string& name, Known& known, Changes& changes) {
  waiting.erase(name);
  readable(name, known, changes);
  if (known.job) changes.push_back({Kind::removed, name, nullptr, false, {}});
  known = Known();
}

void Spool::Impl::gone(const std::string& name, Changes& changes) {
  reported_names.erase(name);
  watches.forget(name);
  const auto known = directories.find(name);
  if (known == directories.end()) return;
  no_job(name, known->second, changes);
  directories.erase(known);
}

// Some file of it, or only one of the two has come (or is left) so far.
bool Spool::Impl::is_being_written(const std::string& name, Known& known, const Stamps& stamps) {
  const auto now = clock.now();
  if (known.seen != stamps || known.seen_since > now) {
    known.seen = stamps;
    known.seen_since = now;
  }
  const auto unchanged_for = now - known.seen_since;
  const auto& one = stamps.entity.there() ? stamps.entity : stamps.action;
  if (!stamps.both() && unchanged_for < kLongWait && (known.job || now - one.changed() < kLongWait)) return true;
  const auto is_open = [&](const char* file, const Stamp& stamp, const Stamp& read) {
    if (!stamp.there() || stamp == read) return false;
    const auto writer = writer_of(directory / name / file);
    if (writer != Writer::unknown) return writer == Writer::some;
    return watches.is_open(name, file).value_or(unchanged_for < kSettled && now - stamp.changed() < kSettled);
  };
  return is_open("entity.cfg", stamps.entity, known.stamps.entity) ||
         is_open("action.json", stamps.action, known.stamps.action);
}

void Spool::Impl::wait(const std::string& name, Known& known, Look look, Changes& changes) {
  const auto now = clock.now();
  inherit(name, known, changes);
  if (waiting.insert(name).second) {
    known.waits_since = now;
    known.wait_told = false;
  }
  if (look != Look::at_all || known.wait_told || !known.seen.both() || now - known.waits_since < kLongWait) return;
  known.wait_told = true;
  changes.push_back({Kind::waiting, name, known.job, false, {}});
}

void Spool::Impl::read(const std::string& name, Known& known, const Stamps& stamps, Look look, Changes& changes) {
  auto files = read_job_files(directory / name);
  const auto after = stamps_of(root.get(), name);
  if (!after) return unreadable(name, below_root(after.error()), changes);
  if (*after != stamps) return wait(name, known, look, changes);
  if (auto problem = passing_problem(files, stamps)) return unreadable(name, std::move(*problem), changes);
  waiting.erase(name);
  readable(name, known, changes);
  known.stamps = stamps;
  const bool was_there = std::exchange(known.was_there, false);
  auto checked = read_job(std::move(files), name, defaults);
  if (!checked.value) {
    inherit(name, known, changes);
    changes.push_back({Kind::broken, name, known.job, false, std::move(checked.problems)});
    return;
  }
  const bool inherited = std::exchange(known.inherited, false);  // with the settings of an earlier runner.cfg
  const bool same = known.job && !inherited && known.job->content_hash == checked.value->content_hash;
  if (same && known.job->zone == checked.value->zone) return;
  const auto kind = same ? Kind::rezoned : known.job ? Kind::changed : Kind::added;
  known.job = std::make_shared<const Job>(std::move(*checked.value));
  changes.push_back({kind, name, known.job, was_there, std::move(checked.problems)});
}

// Where that cannot be told now, it is unreadable; where it is certainly none, it is gone.
bool Spool::Impl::is_directory(const std::string& name, Changes& changes) {
  const auto status = file_status(root.get(), name);
  if (!status) {
    unreadable(name, below_root(status.error()), changes);
  } else if (!*status || !S_ISDIR((*status)->st_mode)) {
    gone(name, changes);
  } else {
    return true;
  }
  return false;
}

void Spool::Impl::examine(const std::string& name, Look look, Changes& changes) {
  if (is_passed_over(name)) return;
  const auto looked = stamps_of(root.get(), name);
  if (!looked) return unreadable(name, below_root(looked.error()), changes);
  const auto& stamps = *looked;
  const auto found = directories.find(name);
  // By far the most common: ten thousand jobs of which none has changed.
  if (look == Look::at_all && found != directories.end() && found->second.stamps == stamps &&
      !found->second.unreadable && watches.has(name))
    return;
  if (!stamps.any() && !is_directory(name, changes)) return;
  if (const auto problem = job_name_problem(name); !problem.empty()) {
    if (reported_names.insert(name).second)
      changes.push_back({Kind::broken, name, nullptr, false, {Problem{directory / name, 0, 0, problem}}});
    return;
  }
  auto& known = directories[name];
  known.was_there = known.was_there || (!scanned && !known.job);
  watches.watch(name, places_of_job(resolved, name));  // it may be another directory now
  if (!stamps.any()) return no_job(name, known, changes);
  if (known.stamps == stamps) {
    waiting.erase(name);
    return readable(name, known, changes);
  }
  if (is_being_written(name, known, stamps)) return wait(name, known, look, changes);
  read(name, known, stamps, look, changes);
}

// The names in the directory, in order; opens `root`.
Result<std::vector<std::string>> Spool::Impl::list() {
  auto names = names_in(directory);
  if (!names) return tl::unexpected(names.error());
  if (!*names) return fail("there is no such directory", directory);
  UniqueFd opened(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat before {
  }, now{};
  if (!opened || fstat(opened.get(), &now) != 0) return fail_errno("the directory cannot be opened", directory);
  const bool same =
      root && fstat(root.get(), &before) == 0 && before.st_dev == now.st_dev && before.st_ino == now.st_ino;
  root = std::move(opened);
  std::error_code error;
  resolved = fs::canonical(directory, error);
  if (error) resolved = directory;
  if (!same) watches.forget_all();  // all jobs are in other directories now
  if (!watches.has(Watches::kRoot)) watches.watch(Watches::kRoot, places_of_runners(directory));
  return std::move(**names);
}

void Spool::Impl::root_unreadable(const Error& error, Changes& changes) {
  while (!last_good.empty()) {
    const auto name = last_good.begin()->first;
    inherit(name, directories[name], changes);
  }
  if (!std::exchange(root_told, true))
    changes.push_back({Kind::unreadable, "", nullptr, false, {Problem{error.where, 0, 0, error.what}}});
}

void Spool::Impl::tell_watches(Changes& changes) {
  const auto count = watches.unwatched();
  if ((count > 0) == unwatched_told) return;
  unwatched_told = count > 0;
  if (count == 0) return changes.push_back({Kind::watched, "", nullptr, false, {}});
  const auto limit = watches.limit() == ENOSPC   ? "fs.inotify.max_user_watches"
                     : watches.limit() == EMFILE ? "fs.inotify.max_user_instances, or the limit of open files"
                                                 : "";
  Problem problem{limit, 0, 0, std::strerror(watches.limit()), false};
  changes.push_back({Kind::unwatched, "", nullptr, false, {std::move(problem)}});
}

std::vector<Change> Spool::scan() {
  Changes changes;
  auto names = impl_->list();
  // A directory that cannot be read says nothing about its jobs: they keep running as they are.
  if (!names) {
    impl_->root_unreadable(names.error(), changes);
    return changes;
  }
  if (std::exchange(impl_->root_told, false)) changes.push_back({Kind::readable, "", nullptr, false, {}});
  std::vector<std::string> missing;
  for (const auto& [name, known] : impl_->directories)
    if (!std::binary_search(names->begin(), names->end(), name)) missing.push_back(name);
  for (const auto& name : missing) impl_->examine(name, Look::at_events, changes);
  for (const auto& name : *names) impl_->examine(name, Look::at_all, changes);
  impl_->scanned = true;
  impl_->last_good.clear();  // the others are gone
  impl_->tell_watches(changes);
  return changes;
}

void Spool::read_all_again() {
  for (auto& [name, known] : impl_->directories) known.stamps = {};
}

std::vector<Change> Spool::read_events() {
  auto events = impl_->watches.read();
  if (events.everything || !impl_->root) return scan();
  Changes changes;
  events.jobs.insert(impl_->waiting.begin(), impl_->waiting.end());
  for (const auto& name : events.jobs) impl_->examine(name, Look::at_events, changes);
  impl_->tell_watches(changes);
  return changes;
}

}  // namespace mig_runner::spool

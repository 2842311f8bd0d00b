#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/problem.h"
#include "spool/job.h"

namespace mig_runner::spool {

// One difference between what the spool knew and what it found.
struct Change {
  enum class Kind {
    added,
    changed,
    removed,
    broken,
    waiting,     // open for writing for half a minute: read once it is closed
    unreadable,  // cannot be looked at or read now: stays as it is, and each scan tries again
    readable,    // the end of that
    unwatched,   // the kernel has no watches left: changes are found by scans
    watched,     // the end of that
    rezoned,     // only the rules of its time zone changed
  };
  Kind kind = Kind::added;
  std::string name;        // empty: the directory of jobs as a whole
  JobPtr job;              // added, changed, rezoned; broken, waiting, unreadable: the last good form, or null
  bool was_there = false;  // added: it was there at the first scan already, and could not be read until now
  std::vector<config::Problem> problems;  // what is wrong; added, changed: warnings
};

// Watches runners/ under the runner's directory. One thread: the loop's. A broken job is reported once for each content
// of its files and stays on its last good form.
//
// An error is no absence: only a file or directory that is certainly not there is taken for removed. A file that is
// open for writing is read once it is closed. Where the kernel does not tell (see writer_of), inotify's events say so,
// and where there was none, a file is taken for closed once it has not changed for kSettled.
class Spool {
 public:
  static constexpr std::chrono::milliseconds kSettled = std::chrono::seconds(5);
  // How long a job waits until that is told; how long one with a single file waits for the other.
  static constexpr std::chrono::milliseconds kLongWait = std::chrono::seconds(30);

  // `defaults` come from runner.cfg. The directory need not exist yet: scan() looks again. Of `last_good`, as an
  // earlier spool had them, those that are broken or cannot be read at first are added as they were.
  Spool(std::filesystem::path runners_directory, config::JobSettings defaults, const Clock& clock = system_clock(),
        const std::vector<JobPtr>& last_good = {});
  ~Spool();

  // Reads every job directory whose files changed since they were last read (by inode, size, ctime); all at the first
  // call. While the directory itself cannot be read, the jobs stay as they are. Directories with names that a job may
  // not have (see job_name_problem) are reported as broken once; hidden ones and lost+found are passed over.
  std::vector<Change> scan();

  // The next scan reads every job again: zones can be found that could not be before, or have other rules.
  void read_all_again();

  // Readable when read_events() has something to say; -1 where the kernel has no watch left (scan() still works).
  int event_fd() const;
  // Like scan(), only for the directories the kernel told of, and for those that wait. Call it once a burst of writes
  // is over.
  std::vector<Change> read_events();
  // Some job is being written: call read_events() again soon, without an event.
  bool is_waiting() const;

  // The job as it runs now; null where there is none.
  JobPtr find(const std::string& name) const;
  std::size_t size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mig_runner::spool

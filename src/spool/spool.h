#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/names.h"
#include "config/problem.h"
#include "spool/job.h"

namespace mig_runner::spool {

// One difference between what the spool knew and what it found.
struct Change {
  enum class Kind { added, changed, removed, broken };
  Kind kind = Kind::added;
  std::string name;
  JobPtr job;                             // added, changed; broken: the last good form, or null
  std::vector<config::Problem> problems;  // broken: what is wrong; added, changed: warnings
};

// Watches runners/ under the runner's directory. One thread: the loop's. A broken job is reported once for each content
// of its files and stays on its last good form.
class Spool {
 public:
  // `defaults` come from runner.cfg. The directory need not exist yet: scan() looks again.
  Spool(std::filesystem::path runners_directory, config::JobSettings defaults);
  ~Spool();

  // Reads every job directory whose files changed since they were last read (by inode, size, ctime); all at the first
  // call. While the directory itself cannot be read, the jobs stay as they are. Directories with names that a job may
  // not have (see job_name_problem) are reported as broken once.
  std::vector<Change> scan();

  // Readable when read_events() has something to say; -1 where the kernel has no watch left (scan() still works).
  int event_fd() const;
  // Like scan(), only for the directories the kernel told of; a job of which one file is still missing is left to the
  // next scan(). Call it once a burst of writes is over.
  std::vector<Change> read_events();

  // The job as it runs now; null where there is none.
  JobPtr find(const std::string& name) const;
  std::size_t size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

using mig_runner::job_name_problem;

}  // namespace mig_runner::spool

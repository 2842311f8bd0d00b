#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "spool/job.h"
#include "store/run_store.h"

namespace mig_runner::stages {

// The jobs as they run now, for the stages' threads. The loop keeps it like the spool. Safe from any thread.
class JobRegistry {
 public:
  void put(spool::JobPtr job);
  void remove(const std::string& name);
  // Null where there is no such job (any more).
  spool::JobPtr find(const std::string& name) const;
  std::vector<spool::JobPtr> all() const;
  std::size_t size() const;

  // A time that was planned ahead is no longer one of the job's. Of each job the last one counts.
  void withdraw(const std::string& name, Timestamp nominal);
  bool was_withdrawn(const store::Run& run) const;

  // The answer of serious_objection (guarded_paths.h) when this content of the job was read; empty: nothing speaks
  // against launching it. It counts while the files cannot be looked at, also after a reload. Nullopt: it could not be
  // told then either.
  void set_objection(const spool::Job& job, std::string objection);
  std::optional<std::string> objection(const spool::Job& job) const;

  void set_paused(std::map<std::string, store::Pause> paused);
  // Whether its job was paused after the run was planned.
  bool was_paused(const store::Run& run) const;

 private:
  std::vector<spool::JobPtr>::const_iterator place(const std::string& name) const REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::vector<spool::JobPtr> jobs_ GUARDED_BY(mutex_);  // in the order of their names
  std::map<std::string, store::Pause> paused_ GUARDED_BY(mutex_);
  std::map<std::string, Timestamp> withdrawn_ GUARDED_BY(mutex_);
  struct Judged {
    spool::ContentHash content;
    std::string objection;
  };
  std::map<std::string, Judged> judged_ GUARDED_BY(mutex_);
};

}  // namespace mig_runner::stages

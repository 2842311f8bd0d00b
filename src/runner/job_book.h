#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "spool/job.h"

namespace mig_runner::runner {

// The jobs as they run now, for the stages' threads. The loop keeps it like the spool. Safe from any thread.
class JobBook {
 public:
  void put(spool::JobPtr job);
  void remove(const std::string& name);
  // Null where there is no such job (any more).
  spool::JobPtr find(const std::string& name) const;
  std::vector<spool::JobPtr> all() const;
  std::size_t size() const;

  // Since when each paused job has been.
  void set_paused(std::map<std::string, Timestamp> paused);
  std::optional<Timestamp> paused_since(const std::string& name) const;

 private:
  std::vector<spool::JobPtr>::const_iterator place(const std::string& name) const;

  mutable std::mutex mutex_;         // guards jobs_, paused_
  std::vector<spool::JobPtr> jobs_;  // in the order of their names
  std::map<std::string, Timestamp> paused_;
};

}  // namespace mig_runner::runner

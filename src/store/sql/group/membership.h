#pragma once

#include <soci/soci.h>

#include <chrono>
#include <map>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "store/location.h"
#include "store/sql/batches.h"
#include "store/sql/group/lease.h"

namespace mig_runner::store {

// A member's own view of its place in the group: its lease, and the jobs that it has told the others. The mutex of
// Database guards it, but for the lease, which guards itself. All that takes a session throws what SOCI throws.
class Membership {
 public:
  using Hashes = std::map<std::string, std::string>;  // of the files of each job, by its name

  Membership(const Location& location, std::chrono::milliseconds length, const Clock& clock);

  Lease& lease() { return lease_; }
  const std::string& tree() const { return tree_; }

  // Becomes a new member, whatever it was before, and returns its id.
  std::string join(soci::session& session);
  // After joining anew: tells the others the jobs that are known, or is no member any more.
  void tell_jobs_again(const Batches& batches);
  // Tells the others what has changed; within a transaction. If that is committed, jobs_were_told() is to be called.
  void change_jobs(const Batches& batches, const Hashes& jobs, const Hashes& left_to_others);
  void jobs_were_told() { are_jobs_told_ = true; }
  // Of its jobs, and of those that are left to others.
  const Hashes& planned_hashes() const { return planned_hashes_; }

  // Binds :tree and :member.
  void bind(soci::statement& statement) const;

  // Within a transaction that claims or changes what is claimed: an Error if the lease has ended, which cannot happen
  // any more until the transaction ends.
  Result<void> require_lease(soci::session& session, const std::string& place, Retry retry);
  // An Error (Retry::no) if this member's clock is far off the database's and another's is not: it would launch and
  // collect too early, and take for missed what is still to come.
  Result<void> require_right_clock(soci::session& session, const std::string& place);

 private:
  void tell_jobs(const Batches& batches, const Hashes& put, const std::set<std::string>& removed);

  const std::string tree_;
  std::string id_;
  Hashes jobs_;
  Hashes planned_hashes_;
  bool are_jobs_known_ = false;  // by change_jobs()
  bool are_jobs_told_ = false;   // they stand in the database
  Lease lease_;
};

}  // namespace mig_runner::store

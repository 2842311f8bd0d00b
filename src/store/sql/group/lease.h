#pragma once

#include <soci/soci.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"
#include "store/sql/call_timeout.h"

namespace mig_runner::store {

// A runner's membership in the group that shares a PostgreSQL database: a row whose lease ends by the database's clock
// unless it is renewed, which a thread does every third of it over a connection of its own. Claims belong to a member;
// a member whose lease has ended is removed by another, and its claims are free. Safe from any thread.
class Lease {
 public:
  // Nothing is done before join(). `length`: how long a member that is not heard of keeps what it has claimed. `clock`:
  // the machine's, which outlives this.
  Lease(std::string uri, std::chrono::milliseconds length, const Clock& clock);
  // Stops renewing; the member stays until its lease ends, unless leave() was called.
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  // Becomes a new member, whatever it was before, and returns its id. `tree`: where its files are, as Location::tree.
  // Throws what SOCI throws.
  std::string join(soci::session& session, const std::string& tree);
  // Ends the membership and its claims. For one lease more it is remembered that the tree's runner may be back, so that
  // others leave to it what only it has: a restart gives away nothing. Throws what SOCI throws.
  void leave(soci::session& session);

  // True once the lease is known to have ended: somebody else may do this member's work.
  bool lost() const;
  void lose();

  // Which membership this is, counted from 1. A claim made under one says nothing about the next.
  std::uint64_t term() const;
  // Whether the lease of that membership is certainly live: by the clock that also counts while the process is stopped
  // or the machine sleeps, from the moment before the last renewal was asked for.
  bool holds(std::uint64_t term) const;
  // Why it could not be renewed the last time, empty where it was.
  std::string problem() const;
  // How far this machine's clock is ahead of the database's: as of the last renewal, and by how much it was set since.
  std::chrono::milliseconds clock_ahead() const;

 private:
  using Moment = std::chrono::nanoseconds;  // of CLOCK_BOOTTIME
  void run(const std::stop_token& stop);
  void renew(soci::session& session);
  void renewed(const std::string& id, Moment begun, long long database_time);
  std::chrono::milliseconds wall_ahead_of_boot() const;

  const std::string uri_;
  const std::chrono::milliseconds length_;
  const Clock& clock_;
  CallTimeout call_timeout_;  // with what the thread does
  mutable Mutex mutex_;
  Condition changed_;
  std::string id_ GUARDED_BY(mutex_);
  bool lost_ GUARDED_BY(mutex_) = true;
  std::uint64_t term_ GUARDED_BY(mutex_) = 0;
  Moment live_until_ GUARDED_BY(mutex_){};
  Moment last_renewal_ GUARDED_BY(mutex_){};
  std::chrono::milliseconds clock_ahead_ GUARDED_BY(mutex_){0};
  std::chrono::milliseconds wall_ahead_of_boot_ GUARDED_BY(mutex_){0};  // when that was found
  std::string problem_ GUARDED_BY(mutex_);
  std::jthread thread_;
};

// Removes the members whose lease has ended, and frees every claim whose member is not there. Returns whether there was
// any. Throws what SOCI throws.
bool free_claims_of_the_dead(soci::session& session);

}  // namespace mig_runner::store

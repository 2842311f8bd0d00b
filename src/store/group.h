#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace mig_runner::store {

class Database;

// If a member's clock is further than this off the database's, it leaves the work to members whose clocks are near it.
// Less than the minute by which a launch may be late, and by which actions are dated back.
inline constexpr std::chrono::milliseconds kClockFarOff{30'000};

// A runner of the group.
struct Member {
  std::string id, host;
  int process = 0;
  std::string tree;  // as Group::tree()
  Timestamp started{};
  std::chrono::milliseconds lease_left{0};  // not above 0: the others take over what it has begun
  std::chrono::milliseconds clock_ahead{0};
  bool able = true;             // false: its clock is so far off that it leaves to others all but what it has stored
  std::int64_t at_work_on = 0;  // runs that it has claimed
};

// A member's copy of a job that is not the same on all of them.
struct JobDifference {
  std::string job;
  std::string member;  // "HOST/PROCESS"
  std::string hash;    // empty: it does not have the job
};

// The runners that share a PostgreSQL database, as one of them or a command sees them. RunStore::group() is null if the
// runner works alone. store/sql/group/ is how it works. Safe from any thread; errors as RunStore's.
class Group {
 public:
  explicit Group(Database& database) : database_(database) {}

  // The runner's directory, "HOST:DIRECTORY": by it a group knows where result files lie and which runner did what.
  const std::string& tree() const;
  // By the database's clock.
  Result<Timestamp> time();
  Result<std::vector<Member>> members();                 // by host, without those that have ended
  Result<std::vector<JobDifference>> job_differences();  // by job and member

  // The following are of a member. Commands are none.

  // Which membership this is, from 1; it is another one after a lease that ended. 0: none.
  std::uint64_t term() const;
  // Whether what was claimed in that membership certainly still is: to be asked right before a deed that must not be
  // done twice. Reads a clock that also counts while the process is stopped, no database. True for a command.
  bool holds(std::uint64_t term) const;
  // How far this machine's clock is ahead of the database's.
  std::chrono::milliseconds clock_ahead() const;
  // The jobs of this member with the hash of their files: it claims only runs of these, and of jobs that no member has
  // as the run was planned with. `left_to_others` it plans with their hashes too, and claims no run of them.
  Result<void> set_jobs(const std::map<std::string, std::string>& jobs,
                        const std::map<std::string, std::string>& left_to_others = {});
  // Gives back what is claimed in the name of this member without its knowing: a claim whose commit came through after
  // its connection was given up. To be called now and then.
  Result<void> release_unknown();

 private:
  Database& database_;
};

// Of the group, or of a runner that works alone (null): no tree, membership 0, whose claims are always its own.
inline std::string tree_of(const Group* group) {
  return group != nullptr ? group->tree() : "";
}
inline std::uint64_t term_of(const Group* group) {
  return group != nullptr ? group->term() : 0;
}
inline bool holds(const Group* group, std::uint64_t term) {
  return group == nullptr || group->holds(term);
}

}  // namespace mig_runner::store

#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>

#include "store/run.h"
#include "store/sql/schema.h"

namespace mig_runner::store {

// Which unclaimed runs this process may claim, and from when on.
//
// Without a group: all, from their wake on. A member of a group leaves to another member runs whose result file lies in
// the other's tree. A member that left counts as there until its lease ends, since it may be restarting. Otherwise a
// member claims a run if its copy of the job has the same hash as when the run was planned. If no member has such a
// copy, a configuration may be on its way to the members: one with another copy waits up to a minute before it takes a
// due run. If no member has the job at all, any member may claim the run once it is too late to launch it.

// A member whose clock differs by no more than this from the database's takes over the runs of members whose clocks
// are far off (kClockFarOff).
inline constexpr std::chrono::milliseconds kClockNear{5'000};

// A SELECT of the ids of the members whose clocks let them plan, launch and collect. Jobs that only others have count
// as jobs that no member has.
const std::string& able_members();

// Claims for :owner up to :limit of the runs in `states` that may be claimed at :now, earliest wake first, and returns
// them. Takes :except0, :except1, .., the names of `excepted` jobs whose runs are left out; `is_member`: :tree and
// :member too.
std::string claim_statement(const Dialect& dialect, std::span<const RunState> states, bool is_member,
                            std::size_t excepted);

// For each of `states` that has unclaimed runs: the state, the earliest time from which on one may be claimed, and how
// many may be claimed then or later, counted up to :limit. Takes :limit; :except0, .., :tree and :member as above.
std::string upcoming_statement(std::span<const RunState> states, bool is_member, std::size_t excepted);

}  // namespace mig_runner::store

#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>

#include "store/run.h"

namespace mig_runner::store {

// Which unclaimed runs this process may claim, and from when on, as SQL.
//
// Without a group: all, from their wake on. A member of one leaves to others what they have the result file of, and
// what is theirs to launch; others are also those who have left and may be back before their lease ends. Whose jobs are
// as a run was planned claims it. Where nobody's are, they may be just about to come, with a configuration that is
// being rolled out: a member with another version of the job waits before it takes the run (up to a minute), and where
// nobody has the job at all, whoever comes says so once the run could not be launched any more.

// A member whose clock is no further off the database's takes over what those do whose clocks are far off
// (kClockFarOff).
inline constexpr std::chrono::milliseconds kClockNear{5'000};
// A SELECT of the ids of members that plan, launch and collect, whose clocks let them. What only others have counts as
// if nobody had it.
std::string able_members();

// A SELECT of the numbers of the runs in `states` that may be claimed, by wake and nominal time. `behind_each`: behind
// the part of each state, which walks its index and stops. Takes :now and :limit, for a member :tree and :member too;
// and :except0, :except1, .., the names of `excepted` jobs whose runs are left out.
std::string claimable_runs(std::span<const RunState> states, bool member, const std::string& behind_each,
                           std::size_t excepted);

// A SELECT of the states in which runs are unclaimed, the earliest time from which on one may be claimed, and how many
// these are (counted up to :limit). Takes :limit, for a member :tree and :member too; and :except0, .. as above.
std::string upcoming_runs(std::span<const RunState> states, bool member, std::size_t excepted);

}  // namespace mig_runner::store

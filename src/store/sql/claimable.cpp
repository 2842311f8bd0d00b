#include "store/sql/claimable.h"

#include <functional>

#include "store/run_store.h"

namespace mig_runner::store {
namespace {

const std::string kAny = "EXISTS (SELECT 1 FROM member_jobs JOIN (" + able_members() +
                         ") AS able ON able.id = member_jobs.member WHERE member_jobs.job = runs.job";
const std::string kAsPlanned = " AND (runs.job_hash = '' OR member_jobs.hash = runs.job_hash)";
const std::string kOwn = " AND member_jobs.member = :member";

const std::string kMine = "(collected_by = :tree OR " + kAny + kAsPlanned + kOwn + "))";
const std::string kOtherVersion = "(NOT " + kAny + kAsPlanned + ") AND " + kAny + kOwn + "))";
const std::string kNobodys = "(NOT " + kAny + "))";

// From when on a due run of each kind may be claimed.
const std::string kOtherVersionAt = "wake + GREATEST(0, LEAST(60000, (deadline - wake) / 2))";
const std::string kNobodysAt = "GREATEST(wake, deadline + 1)";

std::string without(std::size_t excepted) {
  std::string names;
  for (std::size_t i = 0; i < excepted; ++i) names += (i == 0 ? ":except" : ", :except") + std::to_string(i);
  return names.empty() ? "" : " AND runs.job NOT IN (SELECT number FROM jobs WHERE name IN (" + names + "))";
}

std::string unclaimed(RunState state, bool member) {
  return "state = " + std::to_string(static_cast<int>(state)) + " AND wake IS NOT NULL AND owner IS NULL" +
         (member ? " AND (collected_by = '' OR collected_by = :tree OR NOT EXISTS"
                   " (SELECT 1 FROM members WHERE members.tree = runs.collected_by" +
                       std::string(state == RunState::stored ? "" : " AND id IN (" + able_members() + ")") + "))"
                 : "");
}

// What a member may claim at :now.
std::string allowed_now(RunState state) {
  if (state != RunState::due) return " AND (" + kMine + " OR " + kOtherVersion + " OR " + kNobodys + ")";
  return " AND (" + kMine + " OR (" + kOtherVersion + " AND " + kOtherVersionAt + " <= :now) OR (" + kNobodys +
         " AND " + kNobodysAt + " <= :now))";
}

std::string together(std::span<const RunState> states, const std::function<std::string(RunState)>& part) {
  std::string parts;
  for (const auto state : states)
    parts += (parts.empty() ? "" : " UNION ALL ") +
             ("SELECT * FROM (" + part(state) + ") AS state" + std::to_string(static_cast<int>(state)));
  return parts;
}

// The runs in `state` that may be claimed at some time.
std::string upcoming(RunState state, bool member, std::size_t excepted) {
  const auto free = unclaimed(state, member) + without(excepted);
  const std::string order = " ORDER BY wake, nominal LIMIT ";
  const auto select = [&](const std::string& at, const std::string& condition) {
    return "SELECT state, " + at + " AS at FROM runs WHERE " + free + condition;
  };
  if (!member) return select("wake", "") + order + ":limit";
  if (state != RunState::due) return select("wake", allowed_now(state)) + order + ":limit";
  // Most runs are this member's own. Only before the first of those anything else can come sooner.
  const auto mine = " AND " + kMine;
  const auto first = "COALESCE((SELECT wake FROM runs WHERE " + free + mine + order + "1), 9223372036854775807)";
  const auto others = " AND wake < " + first + " AND (" + kOtherVersion + " OR " + kNobodys + ")";
  return "(" + select("wake", mine) + order + ":limit) UNION ALL (" +
         select("CASE WHEN " + kNobodys + " THEN " + kNobodysAt + " ELSE " + kOtherVersionAt + " END", others) +
         " ORDER BY at LIMIT :limit)";
}

}  // namespace

std::string able_members() {
  return "SELECT id FROM members WHERE abs(clock_ahead) <= " + std::to_string(kClockFarOff.count()) +
         " OR NOT EXISTS (SELECT 1 FROM members AS others WHERE others.id <> members.id AND NOT others.has_left AND "
         "others.lease_until >"
         " clock_timestamp() AND abs(others.clock_ahead) <= " +
         std::to_string(kClockNear.count()) + ")";
}

std::string claimable_runs(std::span<const RunState> states, bool member, const std::string& behind_each,
                           std::size_t excepted) {
  const auto parts = together(states, [&](RunState state) {
    return "SELECT number, wake, nominal FROM runs WHERE " + unclaimed(state, member) + without(excepted) +
           " AND wake <= :now" + (member ? allowed_now(state) : "") + " ORDER BY wake, nominal LIMIT :limit" +
           behind_each;
  });
  return "SELECT number FROM (" + parts + ") AS ready ORDER BY wake, nominal LIMIT :limit";
}

std::string upcoming_runs(std::span<const RunState> states, bool member, std::size_t excepted) {
  return "SELECT state, min(at), count(*) FROM (" +
         together(states, [&](RunState state) { return upcoming(state, member, excepted); }) +
         ") AS upcoming GROUP BY state";
}

}  // namespace mig_runner::store

#include "store/sql/claimable.h"

#include "store/group.h"
#include "store/sql/sql_text.h"

namespace mig_runner::store {
namespace {

// The unclaimed runs that a member may see, with `claimable_at`: from when on it may claim each, NULL where the run is
// for another.
const std::string& open_runs() {
  static const std::string text = sql(R"(runs
  CROSS JOIN LATERAL (
    SELECT count(*) AS copies,
           count(*) FILTER (WHERE runs.job_hash = '' OR hash = runs.job_hash) AS copies_as_planned,
           count(*) FILTER (WHERE member = :member) AS own_copies,
           count(*) FILTER (WHERE member = :member AND (runs.job_hash = '' OR hash = runs.job_hash)) AS own_as_planned
    FROM member_jobs
    WHERE member_jobs.job = runs.job AND member IN (SELECT id FROM able_members)
  ) AS of_members
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN collected_by = :tree OR own_as_planned > 0 THEN wake
      WHEN copies = 0 AND state = {due} THEN GREATEST(wake, deadline + 1)
      WHEN copies = 0 THEN wake
      WHEN copies_as_planned = 0 AND own_copies > 0 AND state = {due}
        THEN wake + GREATEST(0, LEAST(60000, (deadline - wake) / 2))
      WHEN copies_as_planned = 0 AND own_copies > 0 THEN wake
    END AS claimable_at
  ) AS rule
  WHERE wake IS NOT NULL AND owner IS NULL
    AND (collected_by IN ('', :tree) OR NOT EXISTS (
      SELECT 1 FROM members
      WHERE members.tree = runs.collected_by AND (runs.state = {stored} OR id IN (SELECT id FROM able_members))))
)");
  return text;
}

// NULL is the name of no job.
std::string excepted_names(std::size_t excepted) {
  return excepted == 0 ? "NULL" : repeated(":except#", excepted);
}

// "(0 /* due */), (3 /* posted */)".
std::string state_rows(std::span<const RunState> states) {
  std::string rows;
  for (const auto& state : states) rows += (rows.empty() ? "(" : ", (") + state_list({&state, 1}) + ')';
  return rows;
}

// Each state walks its index and stops.
std::string for_each_state(std::span<const RunState> states, std::string_view text, const std::string& excepted,
                           std::string_view skip_claimed) {
  std::string all;
  for (const auto& state : states)
    all += (all.empty() ? "" : "  UNION ALL\n") +
           sql(text, {{"state", state_list({&state, 1})}, {"excepted", excepted}, {"skip_claimed", skip_claimed}});
  return all;
}

}  // namespace

const std::string& able_members() {
  static const std::string far_off = std::to_string(kClockFarOff.count());
  static const std::string near = std::to_string(kClockNear.count());
  static const std::string text = sql(R"(
  SELECT id FROM members
  WHERE abs(clock_ahead) <= {far_off} OR NOT EXISTS (
    SELECT 1 FROM members AS others
    WHERE others.id <> members.id AND NOT others.has_left AND others.lease_until > clock_timestamp()
      AND abs(others.clock_ahead) <= {near})
)",
                                      {{"far_off", far_off}, {"near", near}});
  return text;
}

// `owner IS NULL` stands at the end too: of two claims at once, the second must see that the first has the row.
std::string claim_statement(const Dialect& dialect, std::span<const RunState> states, bool is_member,
                            std::size_t excepted) {
  if (is_member)
    return sql(R"(WITH able_members AS ({able_members}),
ready AS (
  SELECT open.number
  FROM (VALUES {states}) AS wanted (state)
  CROSS JOIN LATERAL (
    SELECT runs.number, wake, nominal
    FROM {open_runs}
      AND runs.state = wanted.state AND wake <= :now AND claimable_at <= :now
      AND runs.job NOT IN (SELECT jobs.number FROM jobs WHERE name IN ({excepted}))
    ORDER BY wake, nominal LIMIT :limit
    FOR UPDATE OF runs SKIP LOCKED
  ) AS open
  ORDER BY open.wake, open.nominal LIMIT :limit
)
UPDATE runs SET owner = :owner
WHERE number IN (SELECT ready.number FROM ready) AND owner IS NULL
RETURNING {run_columns})",
               {{"able_members", able_members()},
                {"states", state_rows(states)},
                {"open_runs", open_runs()},
                {"excepted", excepted_names(excepted)}});
  const auto each = for_each_state(states, R"(  SELECT * FROM (
    SELECT number, wake, nominal FROM runs
    WHERE state = {state} AND wake IS NOT NULL AND owner IS NULL AND wake <= :now
      AND runs.job NOT IN (SELECT jobs.number FROM jobs WHERE name IN ({excepted}))
    ORDER BY wake, nominal LIMIT :limit
    {skip_claimed}
  ) AS of_state
)",
                                   excepted_names(excepted), dialect.skip_claimed);
  return sql(R"(UPDATE runs SET owner = :owner
WHERE owner IS NULL AND number IN (
  SELECT number FROM (
{each_state}  ) AS ready
  ORDER BY wake, nominal LIMIT :limit
)
RETURNING {run_columns})",
             {{"each_state", each}});
}

// Most runs are the member's own, claimable at their wake. Another run can come sooner only if its wake is before the
// first of these.
std::string upcoming_statement(std::span<const RunState> states, bool is_member, std::size_t excepted) {
  if (is_member)
    return sql(R"(WITH able_members AS ({able_members}),
open_runs AS NOT MATERIALIZED (
  SELECT runs.state, wake, nominal, claimable_at
  FROM {open_runs}
    AND runs.job NOT IN (SELECT jobs.number FROM jobs WHERE name IN ({excepted}))
)
SELECT wanted.state, min(claimable_at), count(*)
FROM (VALUES {states}) AS wanted (state)
CROSS JOIN LATERAL (
  WITH at_wake AS MATERIALIZED (
    SELECT claimable_at FROM open_runs
    WHERE open_runs.state = wanted.state AND claimable_at <= wake
    ORDER BY wake, nominal LIMIT :limit
  )
  SELECT claimable_at FROM at_wake
  UNION ALL (
    SELECT claimable_at FROM open_runs
    WHERE wanted.state = {due} AND open_runs.state = wanted.state AND claimable_at > wake
      AND wake < COALESCE((SELECT min(claimable_at) FROM at_wake), 9223372036854775807)
    ORDER BY claimable_at LIMIT :limit
  )
) AS upcoming
GROUP BY wanted.state)",
               {{"able_members", able_members()},
                {"states", state_rows(states)},
                {"open_runs", open_runs()},
                {"excepted", excepted_names(excepted)}});
  const auto each = for_each_state(states, R"(  SELECT * FROM (
    SELECT state, wake FROM runs
    WHERE state = {state} AND wake IS NOT NULL AND owner IS NULL
      AND runs.job NOT IN (SELECT jobs.number FROM jobs WHERE name IN ({excepted}))
    ORDER BY wake, nominal LIMIT :limit
  ) AS of_state
)",
                                   excepted_names(excepted), "");
  return sql(R"(SELECT state, min(wake), count(*) FROM (
{each_state}) AS upcoming
GROUP BY state)",
             {{"each_state", each}});
}

}  // namespace mig_runner::store

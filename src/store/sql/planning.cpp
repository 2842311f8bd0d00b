#include "store/planning.h"

#include <algorithm>
#include <set>
#include <utility>

#include "store/sql/batches.h"
#include "store/sql/clean_text.h"
#include "store/sql/database.h"
#include "store/sql/documents.h"
#include "store/sql/job_rows.h"
#include "store/sql/sql_text.h"

namespace mig_runner::store {
namespace {

using soci::into;
using soci::use;

struct CursorRow {
  std::string name;
  long long through = 0;
  std::string timetable;
};

// Each job once, by name, so that two runners that plan at once wait for each other and do not each hold what the other
// wants.
std::vector<CursorRow> by_name(std::span<const Cursor> cursors) {
  std::map<std::string, CursorRow> found;
  for (const auto& cursor : cursors) {
    auto name = clean_text(cursor.job);
    found[name] = {name, cursor.planned_through.time_since_epoch().count(), clean_text(cursor.timetable)};
  }
  std::vector<CursorRow> rows;
  for (auto& [name, row] : found) rows.push_back(std::move(row));
  return rows;
}

constexpr std::string_view kMoveCursors = R"(INSERT INTO jobs (name, planned_through, timetable) VALUES {cursors}
ON CONFLICT (name) DO UPDATE
SET planned_through = excluded.planned_through, timetable = excluded.timetable)";

constexpr std::string_view kMoveCursorsBesideOthers =
    R"(INSERT INTO jobs (name, planned_through, timetable) VALUES {cursors}
ON CONFLICT (name) DO UPDATE
SET timetable = excluded.timetable,
    planned_through = CASE
      WHEN NOT EXISTS (SELECT 1 FROM members WHERE id <> :member AND NOT has_left) THEN excluded.planned_through
      ELSE GREATEST(jobs.planned_through, excluded.planned_through)
    END
WHERE jobs.planned_through IS NULL OR jobs.planned_through < excluded.planned_through
   OR jobs.timetable <> excluded.timetable
   OR NOT EXISTS (SELECT 1 FROM members WHERE id <> :member AND NOT has_left))";

// `member`: whose time counts little beside that of the others, where there are any; else null. The timetable is
// always taken over: a job that was disabled, say, must not pass for the one that another member planned.
void move_cursors(const Batches& batches, std::span<const Cursor> given, const std::string* member) {
  const auto cursors = by_name(given);
  Rows<CursorRow> moved;
  batches.go(
      moved, cursors.size(),
      [&](soci::statement& statement, std::size_t rows) {
        for (std::size_t i = 0; i < rows; ++i) {
          statement.exchange(use(moved.cells[i].name, "name" + std::to_string(i)));
          statement.exchange(use(moved.cells[i].through, "through" + std::to_string(i)));
          statement.exchange(use(moved.cells[i].timetable, "timetable" + std::to_string(i)));
        }
        if (member != nullptr) statement.exchange(use(*member, "member"));
        const auto rows_given = repeated("(:name#, :through#, :timetable#)", rows);
        return sql(member != nullptr ? kMoveCursorsBesideOthers : kMoveCursors, {{"cursors", rows_given}});
      },
      [&](soci::statement& statement, std::size_t begin, std::size_t rows) {
        std::copy_n(cursors.begin() + static_cast<std::ptrdiff_t>(begin), rows, moved.cells.begin());
        statement.execute(true);
      });
}

// A planned run goes no further once its job is paused, or if it met a pause that is over: the planner may not have
// heard of either. The cursors' rows are locked. A pause that ends in the future ended by a wrong clock.
std::vector<const Run*> but_for_paused(const Batches& batches, std::span<const Run> runs, Timestamp now,
                                       const Dialect& dialect) {
  std::vector<const Run*> wanted;
  if (runs.empty()) return wanted;
  const auto by_nominal = [](const Run& a, const Run& b) { return a.nominal < b.nominal; };
  const long long earliest = std::min_element(runs.begin(), runs.end(), by_nominal)->nominal.time_since_epoch().count();
  const long long time = now.time_since_epoch().count();
  std::string name;
  long long since = 0;
  long long until = 0;
  soci::statement statement(batches.session);
  statement.exchange(into(name));
  statement.exchange(into(since));
  statement.exchange(into(until));
  statement.exchange(use(earliest, "earliest"));
  if (!dialect.server) statement.exchange(use(time, "now"));
  prepare(statement,
          sql(R"(SELECT name, CAST(0 AS bigint), 9223372036854775807 FROM jobs WHERE paused_since IS NOT NULL
UNION ALL
SELECT name, since, until FROM pauses JOIN jobs ON number = job WHERE until >= :earliest AND until <= {now})",
              {{"now", dialect.time}}),
          true);
  statement.execute();
  std::multimap<std::string, FinishedPause> pauses;
  while (statement.fetch())
    pauses.emplace(
        name, FinishedPause{Timestamp(std::chrono::milliseconds(since)), Timestamp(std::chrono::milliseconds(until))});
  for (const auto& run : runs) {
    const auto [begin, end] =
        pauses.empty() ? std::pair(pauses.end(), pauses.end()) : pauses.equal_range(clean_text(run.job));
    const bool met_one = std::any_of(begin, end, [&](const auto& pause) { return pause.second.met(run.nominal); });
    if (!met_one) wanted.push_back(&run);
  }
  return wanted;
}

using RunKey = std::pair<std::string, long long>;

RunKey key_of(const Run& run) {
  return {clean_text(run.job), run.nominal.time_since_epoch().count()};
}

// The keys of those that were new; their jobs are there. `hashes`: a member's jobs, where the store is one.
std::set<RunKey> insert_rows(const Batches& batches, const std::vector<const Run*>& runs,
                             const std::map<std::string, std::string>* hashes) {
  struct Cell {
    RunRow row;
    std::string hash;
  };
  const bool hashed = hashes != nullptr;
  Rows<Cell> new_rows;
  std::set<RunKey> fresh;
  RunKey found;
  batches.go(
      new_rows, runs.size(),
      [&](soci::statement& statement, std::size_t rows) {
        statement.exchange(into(found.first));
        statement.exchange(into(found.second));
        for (std::size_t i = 0; i < rows; ++i) {
          new_rows.cells[i].row.bind_insert(statement, std::to_string(i));
          if (hashed) statement.exchange(use(new_rows.cells[i].hash, "hash" + std::to_string(i)));
        }
        const auto row = '(' + RunRow::inserted_values("#") + (hashed ? ", :hash#" : "") + ')';
        return sql(
            R"(INSERT INTO runs ({columns}{job_hash}) VALUES {rows}
ON CONFLICT (job, nominal) DO NOTHING
RETURNING (SELECT jobs.name FROM jobs WHERE jobs.number = runs.job), nominal)",
            {{"columns", RunRow::inserted()}, {"job_hash", hashed ? ", job_hash" : ""}, {"rows", repeated(row, rows)}});
      },
      [&](soci::statement& statement, std::size_t begin, std::size_t rows) {
        for (std::size_t i = 0; i < rows; ++i) {
          const auto& run = *runs[begin + i];
          new_rows.cells[i].row.set(run);
          if (hashed) new_rows.cells[i].hash = hashes->contains(run.job) ? hashes->at(run.job) : "";
        }
        statement.execute();
        while (statement.fetch()) fresh.insert(found);
      });
  return fresh;
}

// Says of each of `runs` whether it was new; `wanted` are those of them that are inserted, whose jobs are there.
std::vector<bool> insert_runs(const Batches& batches, std::span<const Run> runs, const std::vector<const Run*>& wanted,
                              Effects& effects, const std::map<std::string, std::string>* hashes) {
  auto inserted = insert_rows(batches, wanted, hashes);
  std::vector<bool> fresh;
  for (const auto& run : runs) {
    // Of two with the same key the first was inserted.
    fresh.push_back(inserted.erase(key_of(run)) > 0);
    if (!fresh.back()) continue;
    ++effects.counted[run.state];
    effects.claimable(run);
  }
  return fresh;
}

std::vector<bool> add_runs(const Batches& batches, std::span<const Run> runs, Effects& effects,
                           const std::map<std::string, std::string>* hashes) {
  std::vector<const Run*> wanted;
  std::set<std::string> jobs;
  for (const auto& run : runs) {
    wanted.push_back(&run);
    jobs.insert(run.job);
  }
  add_jobs(batches, jobs);
  return insert_runs(batches, runs, wanted, effects, hashes);
}

std::int64_t number_of(soci::session& session, const Run& run) {
  const auto job = clean_text(run.job);
  const long long nominal = run.nominal.time_since_epoch().count();
  long long number = 0;
  session << sql("SELECT number FROM runs WHERE nominal = :nominal AND {of_job}"), into(number),
      use(nominal, "nominal"), use(job, "job");
  return number;
}

}  // namespace

Result<std::vector<bool>> Planning::plan(std::span<const Cursor> cursors, std::span<const Run> runs, Timestamp now) {
  return database_.write([&](soci::session&, Effects& effects) -> Result<std::vector<bool>> {
    if (auto may = database_.may_launch(); !may) return tl::unexpected(may.error());
    if (auto right = database_.require_right_clock(); !right) return tl::unexpected(right.error());
    const auto batches = database_.batches();
    move_cursors(batches, cursors, database_.membership ? &database_.owner : nullptr);
    return insert_runs(batches, runs, but_for_paused(batches, runs, now, database_.dialect), effects,
                       database_.hashes());
  });
}

Result<std::vector<bool>> Planning::add(std::span<const Run> runs) {
  return database_.write([&](soci::session&, Effects& effects) -> Result<std::vector<bool>> {
    return add_runs(database_.batches(), runs, effects, database_.hashes());
  });
}

Result<std::vector<Cursor>> Planning::cursors() {
  return database_.read([](soci::session& session) -> Result<std::vector<Cursor>> {
    CursorRow row;
    soci::statement statement = (session.prepare << R"(SELECT name, planned_through, timetable FROM jobs
WHERE planned_through IS NOT NULL ORDER BY name)",
                                 into(row.name), into(row.through), into(row.timetable));
    statement.execute();
    std::vector<Cursor> found;
    while (statement.fetch())
      found.push_back({row.name, Timestamp(std::chrono::milliseconds(row.through)), row.timetable});
    return found;
  });
}

Result<std::optional<Cursor>> Planning::cursor(const std::string& job) {
  const auto name = clean_text(job);
  return database_.read([&](soci::session& session) -> Result<std::optional<Cursor>> {
    long long through = 0;
    std::string timetable;
    session << "SELECT planned_through, timetable FROM jobs WHERE name = :name AND planned_through IS NOT NULL",
        into(through), into(timetable), use(name, "name");
    if (!session.got_data()) return std::nullopt;
    return Cursor{job, Timestamp(std::chrono::milliseconds(through)), timetable};
  });
}

Result<void> Planning::forget_cursors(std::span<const std::string> jobs) {
  return database_.write([&](soci::session&, Effects&) -> Result<void> {
    const auto* const member = database_.membership ? &database_.owner : nullptr;
    Rows<std::string> forgotten;
    database_.batches().go(
        forgotten, jobs.size(),
        [&](soci::statement& statement, std::size_t rows) {
          for (std::size_t i = 0; i < rows; ++i)
            statement.exchange(use(forgotten.cells[i], "name" + std::to_string(i)));
          if (member != nullptr) statement.exchange(use(*member, "member"));
          return sql(R"(UPDATE jobs SET planned_through = NULL, timetable = ''
WHERE name IN ({names}) {that_no_other_has})",
                     {{"names", repeated(":name#", rows)},
                      {"that_no_other_has",
                       member != nullptr
                           ? "AND NOT EXISTS (SELECT 1 FROM member_jobs WHERE job = jobs.number AND member <> :member)"
                           : ""}});
        },
        [&](soci::statement& statement, std::size_t begin, std::size_t rows) {
          for (std::size_t i = 0; i < rows; ++i) forgotten.cells[i] = clean_text(jobs[begin + i]);
          statement.execute(true);
        });
    return {};
  });
}

Result<bool> Planning::adopt(const Run& run, const std::string& action) {
  return database_.write([&](soci::session& session, Effects& effects) -> Result<bool> {
    if (!add_runs(database_.batches(), {&run, 1}, effects, nullptr).front()) return false;
    const Document document{number_of(session, run), DocumentKind::action, action};
    DocumentWriter().keep(database_.batches(), {&document, 1});
    return true;
  });
}

}  // namespace mig_runner::store

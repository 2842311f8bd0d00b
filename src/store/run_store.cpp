#include "store/run_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "store/clean_text.h"
#include "store/documents.h"
#include "store/job_rows.h"
#include "store/portions.h"
#include "store/store_impl.h"

namespace mig_runner::store {
namespace {

using soci::into;
using soci::use;

// Each job once, by name, so that two runners that plan at once wait for each other and do not each hold what the other
// wants.
std::map<std::string, long long> by_name(std::span<const Cursor> cursors) {
  std::map<std::string, long long> found;
  for (const auto& cursor : cursors) found[clean_text(cursor.job)] = cursor.planned_through.time_since_epoch().count();
  return found;
}

// `member`: whose time counts little beside that of the others, where there are any; else null.
void move_cursors(const Portions& portions, std::span<const Cursor> given, const std::string* member) {
  const auto named = by_name(given);
  const std::vector<std::pair<std::string, long long>> cursors(named.begin(), named.end());
  Rows<std::pair<std::string, long long>> moved;
  const std::string unless_ahead =
      " WHERE jobs.planned_through IS NULL OR jobs.planned_through < excluded.planned_through OR NOT EXISTS"
      " (SELECT 1 FROM members WHERE id <> :member AND NOT has_left)";
  portions.go(
      moved, cursors.size(),
      [&](soci::statement& statement, std::size_t rows) {
        for (std::size_t i = 0; i < rows; ++i) {
          statement.exchange(use(moved.cells[i].first, "name" + std::to_string(i)));
          statement.exchange(use(moved.cells[i].second, "through" + std::to_string(i)));
        }
        if (member != nullptr) statement.exchange(use(*member, "member"));
        return "INSERT INTO jobs (name, planned_through) VALUES " +
               listed(rows, [](const std::string& i) { return "(:name" + i + ", :through" + i + ")"; }) +
               " ON CONFLICT (name) DO UPDATE SET planned_through = excluded.planned_through" +
               (member != nullptr ? unless_ahead : "");
      },
      [&](soci::statement& statement, std::size_t begin, std::size_t rows) {
        std::copy_n(cursors.begin() + static_cast<std::ptrdiff_t>(begin), rows, moved.cells.begin());
        statement.execute(true);
      });
}

// What is planned by a schedule goes no further once its job is paused, nor what met a pause that is over: who plans
// may not have heard of either. The cursors' rows are locked. A pause that ends in the future ended by a wrong clock.
std::vector<const Run*> but_for_paused(const Portions& portions, std::span<const Run> runs, Timestamp now,
                                       const Dialect& dialect) {
  std::vector<const Run*> wanted;
  if (runs.empty()) return wanted;
  const auto by_nominal = [](const Run& a, const Run& b) { return a.nominal < b.nominal; };
  const long long earliest = std::min_element(runs.begin(), runs.end(), by_nominal)->nominal.time_since_epoch().count();
  const long long time = now.time_since_epoch().count();
  std::string name;
  long long since = 0;
  long long until = 0;
  soci::statement statement(portions.session);
  statement.exchange(into(name));
  statement.exchange(into(since));
  statement.exchange(into(until));
  statement.exchange(use(earliest, "earliest"));
  if (!dialect.server) statement.exchange(use(time, "now"));
  prepare(statement,
          "SELECT name, CAST(0 AS bigint), 9223372036854775807 FROM jobs WHERE paused_since IS NOT NULL UNION ALL"
          " SELECT name, since, until FROM pauses JOIN jobs ON number = job WHERE until >= :earliest AND until <= " +
              std::string(dialect.time),
          true);
  statement.execute();
  std::multimap<std::string, PauseOver> pauses;
  while (statement.fetch())
    pauses.emplace(name,
                   PauseOver{Timestamp(std::chrono::milliseconds(since)), Timestamp(std::chrono::milliseconds(until))});
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
std::set<RunKey> insert_rows(const Portions& portions, const std::vector<const Run*>& runs,
                             const std::map<std::string, std::string>* hashes) {
  struct Cell {
    RunRow row;
    std::string hash;
  };
  const bool hashed = hashes != nullptr;
  Rows<Cell> new_rows;
  std::set<RunKey> fresh;
  RunKey found;
  portions.go(
      new_rows, runs.size(),
      [&](soci::statement& statement, std::size_t rows) {
        statement.exchange(into(found.first));
        statement.exchange(into(found.second));
        for (std::size_t i = 0; i < rows; ++i) {
          new_rows.cells[i].row.bind_insert(statement, std::to_string(i));
          if (hashed) statement.exchange(use(new_rows.cells[i].hash, "hash" + std::to_string(i)));
        }
        const auto row = [&](const std::string& i) {
          return '(' + RunRow::inserted_values(i) + (hashed ? ", :hash" + i : "") + ')';
        };
        return "INSERT INTO runs (" + RunRow::inserted() + (hashed ? ", job_hash" : "") + ") VALUES " +
               listed(rows, row) +
               " ON CONFLICT (job, nominal) DO NOTHING"
               " RETURNING (SELECT jobs.name FROM jobs WHERE jobs.number = runs.job), nominal";
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
std::vector<bool> insert_runs(const Portions& portions, std::span<const Run> runs,
                              const std::vector<const Run*>& wanted, Effects& effects,
                              const std::map<std::string, std::string>* hashes) {
  auto inserted = insert_rows(portions, wanted, hashes);
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

std::vector<bool> add_runs(const Portions& portions, std::span<const Run> runs, Effects& effects,
                           const std::map<std::string, std::string>* hashes) {
  std::vector<const Run*> wanted;
  std::set<std::string> jobs;
  for (const auto& run : runs) {
    wanted.push_back(&run);
    jobs.insert(run.job);
  }
  add_jobs(portions, jobs);
  return insert_runs(portions, runs, wanted, effects, hashes);
}

std::int64_t number_of(soci::session& session, const Run& run) {
  const auto job = clean_text(run.job);
  const long long nominal = run.nominal.time_since_epoch().count();
  long long number = 0;
  session
      << "SELECT number FROM runs WHERE nominal = :nominal AND job = (SELECT jobs.number FROM jobs WHERE jobs.name ="
         " :job)",
      into(number), use(nominal, "nominal"), use(job, "job");
  return number;
}

}  // namespace

RunStore::RunStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RunStore::~RunStore() = default;

void RunStore::close() {
  const std::lock_guard lock(impl_->mutex);
  impl_->close();
}

void RunStore::hurry() {
  impl_->lock_wait.hurry();
  if (impl_->patience) impl_->patience->hurry();
}

std::uint64_t RunStore::term() {
  return impl_->lease ? impl_->lease->term() : 0;
}

bool RunStore::holds(std::uint64_t term) {
  return !impl_->lease || impl_->lease->holds(term);
}

const std::string& RunStore::tree() const {
  return impl_->tree;
}

std::chrono::milliseconds RunStore::clock_ahead() {
  return impl_->lease ? impl_->lease->clock_ahead() : std::chrono::milliseconds(0);
}

void RunStore::on_change(std::function<void(const Claimable&)> listener) {
  const std::lock_guard lock(impl_->mutex);
  impl_->listener = std::move(listener);
}

Result<std::vector<bool>> RunStore::plan(std::span<const Cursor> cursors, std::span<const Run> runs, Timestamp now) {
  return impl_->write([&](soci::session&, Effects& effects) -> Result<std::vector<bool>> {
    if (auto right = impl_->require_right_clock(); !right) return tl::unexpected(right.error());
    const auto portions = impl_->portions();
    move_cursors(portions, cursors, impl_->lease ? &impl_->owner : nullptr);
    return insert_runs(portions, runs, but_for_paused(portions, runs, now, impl_->dialect), effects, impl_->hashes());
  });
}

Result<std::vector<bool>> RunStore::add(std::span<const Run> runs) {
  return impl_->write([&](soci::session&, Effects& effects) -> Result<std::vector<bool>> {
    return add_runs(impl_->portions(), runs, effects, impl_->hashes());
  });
}

Result<std::map<std::string, Timestamp>> RunStore::cursors() {
  return impl_->read([](soci::session& session) -> Result<std::map<std::string, Timestamp>> {
    std::string job;
    long long through = 0;
    soci::statement statement =
        (session.prepare << "SELECT name, planned_through FROM jobs WHERE planned_through IS NOT NULL", into(job),
         into(through));
    statement.execute();
    std::map<std::string, Timestamp> found;
    while (statement.fetch()) found[job] = Timestamp(std::chrono::milliseconds(through));
    return found;
  });
}

Result<std::optional<Timestamp>> RunStore::cursor(const std::string& job) {
  const auto name = clean_text(job);
  return impl_->read([&](soci::session& session) -> Result<std::optional<Timestamp>> {
    long long through = 0;
    session << "SELECT planned_through FROM jobs WHERE name = :name AND planned_through IS NOT NULL", into(through),
        use(name, "name");
    if (!session.got_data()) return std::nullopt;
    return Timestamp(std::chrono::milliseconds(through));
  });
}

Result<bool> RunStore::adopt(const Run& run, const std::string& action) {
  return impl_->write([&](soci::session& session, Effects& effects) -> Result<bool> {
    if (!add_runs(impl_->portions(), {&run, 1}, effects, nullptr).front()) return false;
    const Document document{number_of(session, run), DocumentKind::action, action};
    DocumentWriter().keep(impl_->portions(), {&document, 1});
    return true;
  });
}

}  // namespace mig_runner::store

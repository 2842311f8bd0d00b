#include "store/run_store.h"

#include <set>

#include "base/file.h"
#include "store/clean_text.h"
#include "store/documents.h"
#include "store/sqlite_file.h"
#include "store/store_impl.h"

namespace mig_runner::store {
namespace {

using soci::into;
using soci::use;

void add_job(soci::session& session, const std::string& job) {
  const auto name = clean_text(job);
  session << "INSERT INTO jobs (name) VALUES (:name) ON CONFLICT (name) DO NOTHING", use(name, "name");
}

void move_cursors(soci::session& session, std::span<const Cursor> cursors) {
  std::string name;
  long long through = 0;
  soci::statement statement =
      (session.prepare << "INSERT INTO jobs (name, planned_through) VALUES (:name, :through)"
                          " ON CONFLICT (name) DO UPDATE SET planned_through = excluded.planned_through",
       use(name, "name"), use(through, "through"));
  for (const auto& cursor : cursors) {
    name = clean_text(cursor.job);
    through = cursor.planned_through.time_since_epoch().count();
    statement.execute(true);
  }
}

// Says of each whether it was new.
std::vector<bool> insert_runs(soci::session& session, std::span<const Run> runs, Effects& effects) {
  std::set<std::string> jobs;
  for (const auto& run : runs)
    if (jobs.insert(run.job).second) add_job(session, run.job);

  RunRow row;
  soci::statement statement(session);
  row.bind_insert(statement);
  statement.alloc();
  statement.prepare("INSERT INTO runs (" + RunRow::inserted() + ") VALUES (" + RunRow::inserted_values() +
                    ") ON CONFLICT (job, nominal) DO NOTHING");
  statement.define_and_bind();
  std::vector<bool> fresh;
  for (const auto& run : runs) {
    row.set(run);
    statement.execute(true);
    fresh.push_back(statement.get_affected_rows() == 1);
    if (!fresh.back()) continue;
    ++effects.counted[run.state];
    effects.claimable(run);
  }
  return fresh;
}

}  // namespace

RunStore::RunStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RunStore::~RunStore() = default;

// `damage` says what is wrong with the file where that is why it fails.
Result<std::unique_ptr<RunStore>> RunStore::open_checked(const std::filesystem::path& path, const std::string& owner,
                                                         std::string& damage) {
  auto impl = std::make_unique<Impl>(owner, path.string(), kSqlite);
  auto& session = impl->session;
  const bool crashed = has_log(path);
  try {
    if (auto connected = connect_sqlite(session, path); !connected) return tl::unexpected(connected.error());
    damage = find_damage(session, crashed);
    if (!damage.empty()) return fail(damage, path);
    Transaction transaction(session, kSqlite.begin_durable);
    if (auto migrated = migrate(session, kSqlite); !migrated)
      return fail(migrated.error().what, path, migrated.error().retry);
    damage = find_missing(session);
    if (!damage.empty()) return fail(damage, path);
    session << "UPDATE runs SET owner = NULL WHERE owner IS NOT NULL";
    transaction.commit();
    keep_log_at_close(session, false);
  } catch (...) {
    const auto failure = current_failure(path);
    if (failure.damaged) damage = failure.error.what;
    return tl::unexpected(failure.error);
  }
  return std::unique_ptr<RunStore>(new RunStore(std::move(impl)));
}

Result<Opened> RunStore::open(const std::filesystem::path& path, const std::string& owner, Timestamp now) {
  if (auto made = make_directories(path.parent_path()); !made) return tl::unexpected(made.error());
  Opened opened;
  for (auto damage = find_remains(path);;) {
    if (!damage.empty()) {
      auto aside = set_aside(path, now);
      if (!aside) return tl::unexpected(aside.error());
      opened.set_aside = *aside;
      opened.damage = damage;
    }
    if (auto created = create_sqlite_file(path); !created) return tl::unexpected(created.error());
    damage.clear();
    auto store = open_checked(path, owner, damage);
    if (!store && !damage.empty() && opened.set_aside.empty()) continue;
    if (!store) return tl::unexpected(store.error());
    opened.store = std::move(*store);
    return opened;
  }
}

Result<std::unique_ptr<RunStore>> RunStore::open_beside(const std::filesystem::path& path, const std::string& owner) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return fail("there is no record of runs; has the runner run yet?", path);
  auto impl = std::make_unique<Impl>(owner, path.string(), kSqlite);
  try {
    if (auto connected = connect_sqlite(impl->session, path); !connected) return tl::unexpected(connected.error());
    if (!has_schema(impl->session))
      return fail("there is no record of runs in it yet: the runner is just starting", path, Retry::later);
    if (auto current = require_current(impl->session); !current)
      return fail(current.error().what, path, current.error().retry);
    keep_log_at_close(impl->session, false);
  } catch (...) {
    return tl::unexpected(current_failure(path).error);
  }
  return std::unique_ptr<RunStore>(new RunStore(std::move(impl)));
}

void RunStore::on_change(std::function<void(const Woken&)> listener) {
  const std::lock_guard lock(impl_->mutex);
  impl_->listener = std::move(listener);
}

Result<std::vector<bool>> RunStore::plan(std::span<const Cursor> cursors, std::span<const Run> runs) {
  return impl_->write([&](soci::session& session, Effects& effects) -> Result<std::vector<bool>> {
    move_cursors(session, cursors);
    return insert_runs(session, runs, effects);
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

Result<bool> RunStore::adopt(const Run& run, const std::string& action) {
  return impl_->write([&](soci::session& session, Effects& effects) -> Result<bool> {
    if (!insert_runs(session, {&run, 1}, effects).front()) return false;
    auto adopted = run;
    session << "SELECT max(number) FROM runs", into(adopted.number);
    keep_action(session, adopted, action);
    return true;
  });
}

}  // namespace mig_runner::store

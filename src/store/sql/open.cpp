#include "base/file.h"
#include "base/file_status.h"
#include "store/run_store.h"
#include "store/sql/database.h"
#include "store/sql/sqlite_file.h"

namespace mig_runner::store {

// `damage` says what is wrong with the file where that is why it fails.
Result<std::unique_ptr<RunStore>> RunStore::open_checked(const std::filesystem::path& path, const std::string& owner,
                                                         std::string& damage) {
  auto impl = std::make_unique<Impl>(owner, Location(path));
  auto& session = impl->session;
  impl->lock_wait.set_limit(LockWait::kOpening);
  const bool crashed = has_log(path);
  try {
    if (auto connected = connect_sqlite(session, path, impl->lock_wait); !connected)
      return tl::unexpected(connected.error());
    auto file = OpenedPath::at(path);
    if (!file) return tl::unexpected(file.error());
    impl->file = std::move(*file);
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
    impl->lock_wait.set_limit(LockWait::kRunner);
  } catch (...) {
    const auto failure = current_failure(path, kSqlite);
    if (failure.damaged) damage = failure.error.what;
    return tl::unexpected(failure.error);
  }
  return std::unique_ptr<RunStore>(new RunStore(std::move(impl)));
}

Result<Opened> RunStore::open_sqlite(const std::filesystem::path& path, const std::string& owner, Timestamp now) {
  if (auto made = make_directories(path.parent_path()); !made) return tl::unexpected(made.error());
  const auto remains = find_remains(path);
  if (!remains) return tl::unexpected(remains.error());
  Opened opened;
  for (auto damage = *remains;;) {
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

Result<std::unique_ptr<RunStore>> RunStore::open_server(const Location& location, const std::string& owner,
                                                        std::optional<std::chrono::milliseconds> lease,
                                                        const Clock& clock) {
  auto impl = std::make_unique<Impl>(owner, location);
  impl->call_timeout = std::make_unique<CallTimeout>(lease ? longest_call(*lease) : longest_call());
  try {
    impl->connect();
    const CallEnd end(impl->call_timeout.get());
    impl->call_timeout->begin(socket_of(impl->session));
    if (auto current = require_current(impl->session, kPostgresql); !current)
      return fail(current.error().what, location.text(), current.error().retry);
    name_every_column(impl->session, kPostgresql);
    if (lease) {
      impl->lease = std::make_unique<Lease>(location.uri, *lease, clock);
      impl->owner = impl->lease->join(impl->session, impl->tree);
    }
  } catch (...) {
    return tl::unexpected(current_failure(location.text(), kPostgresql).error);
  }
  return std::unique_ptr<RunStore>(new RunStore(std::move(impl)));
}

Result<Opened> RunStore::open(const Location& location, const std::string& owner, Timestamp now,
                              std::chrono::milliseconds lease, const Clock& clock) {
  if (!location.is_postgresql()) return open_sqlite(location.file, owner, now);
  auto store = open_server(location, owner, lease, clock);
  if (!store) return tl::unexpected(store.error());
  return Opened{std::move(*store), "", ""};
}

Result<std::unique_ptr<RunStore>> RunStore::open_beside(const Location& location, const std::string& owner) {
  if (location.is_postgresql()) return open_server(location, owner, std::nullopt, system_clock());
  const auto& path = location.file;
  const auto status = file_status(path, Symlinks::followed);
  if (!status) return tl::unexpected(status.error());
  if (!*status) return fail("there is no record of runs; has the runner run yet?", path);
  auto impl = std::make_unique<Impl>(owner, Location(path));
  impl->lock_wait.set_limit(LockWait::kCommand);
  try {
    if (auto connected = connect_sqlite(impl->session, path, impl->lock_wait); !connected)
      return tl::unexpected(connected.error());
    if (!has_schema(impl->session))
      return fail("there is no record of runs in it yet: the runner is just starting", path, Retry::later);
    if (auto current = require_current(impl->session, kSqlite); !current)
      return fail(current.error().what, path, current.error().retry);
    keep_log_at_close(impl->session, false);
  } catch (...) {
    return tl::unexpected(current_failure(path, kSqlite).error);
  }
  return std::unique_ptr<RunStore>(new RunStore(std::move(impl)));
}

}  // namespace mig_runner::store

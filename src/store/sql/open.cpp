#include "store/sql/open.h"

#include "base/file.h"
#include "base/file_status.h"
#include "store/sql/sqlite_file.h"

namespace mig_runner::store {
namespace {

// `damage` says what is wrong with the file where that is why it fails.
Result<std::unique_ptr<Database>> open_checked(const std::filesystem::path& path, const std::string& owner,
                                               std::string& damage) {
  auto database = std::make_unique<Database>(owner, Location(path));
  auto& session = database->session;
  database->lock_wait.set_limit(LockWait::kOpening);
  const bool crashed = has_log(path);
  try {
    if (auto connected = connect_sqlite(session, path, database->lock_wait); !connected)
      return tl::unexpected(connected.error());
    auto file = OpenedPath::at(path);
    if (!file) return tl::unexpected(file.error());
    database->file = std::move(*file);
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
    database->lock_wait.set_limit(LockWait::kRunner);
  } catch (...) {
    const auto failure = current_failure(path, kSqlite);
    if (failure.damaged) damage = failure.error.what;
    return tl::unexpected(failure.error);
  }
  return database;
}

Result<OpenedDatabase> open_sqlite(const std::filesystem::path& path, const std::string& owner, Timestamp now) {
  if (auto made = make_directories(path.parent_path()); !made) return tl::unexpected(made.error());
  const auto remains = find_remains(path);
  if (!remains) return tl::unexpected(remains.error());
  OpenedDatabase opened;
  for (auto damage = *remains;;) {
    if (!damage.empty()) {
      auto aside = set_aside(path, now);
      if (!aside) return tl::unexpected(aside.error());
      opened.set_aside = *aside;
      opened.damage = damage;
    }
    if (auto created = create_sqlite_file(path); !created) return tl::unexpected(created.error());
    damage.clear();
    auto database = open_checked(path, owner, damage);
    if (!database && !damage.empty() && opened.set_aside.empty()) continue;
    if (!database) return tl::unexpected(database.error());
    opened.database = std::move(*database);
    return opened;
  }
}

// `lease_length`: of a member of the group; a command has none.
Result<std::unique_ptr<Database>> open_server(const Location& location, const std::string& owner,
                                              std::optional<std::chrono::milliseconds> lease_length,
                                              const Clock& clock) {
  auto database = std::make_unique<Database>(owner, location);
  database->call_timeout = std::make_unique<CallTimeout>(lease_length ? longest_call(*lease_length) : longest_call());
  try {
    database->connect();
    const CallEnd end(database->call_timeout.get());
    database->call_timeout->begin(socket_of(database->session));
    if (auto current = require_current(database->session, kPostgresql); !current)
      return fail(current.error().what, location.text(), current.error().retry);
    name_every_column(database->session, kPostgresql);
    if (lease_length) {
      database->membership = std::make_unique<Membership>(location, *lease_length, clock);
      database->owner = database->membership->join(database->session);
    }
  } catch (...) {
    return tl::unexpected(current_failure(location.text(), kPostgresql).error);
  }
  return database;
}

}  // namespace

Result<OpenedDatabase> open_database(const Location& location, const std::string& owner, Timestamp now,
                                     std::chrono::milliseconds lease_length, const Clock& clock) {
  if (!location.is_postgresql()) return open_sqlite(location.file, owner, now);
  auto database = open_server(location, owner, lease_length, clock);
  if (!database) return tl::unexpected(database.error());
  return OpenedDatabase{std::move(*database), "", ""};
}

Result<std::unique_ptr<Database>> open_database_beside(const Location& location, const std::string& owner) {
  if (location.is_postgresql()) return open_server(location, owner, std::nullopt, system_clock());
  const auto& path = location.file;
  const auto status = file_status(path, Symlinks::followed);
  if (!status) return tl::unexpected(status.error());
  if (!*status) return fail("there is no record of runs; has the runner run yet?", path);
  auto database = std::make_unique<Database>(owner, Location(path));
  database->lock_wait.set_limit(LockWait::kCommand);
  try {
    if (auto connected = connect_sqlite(database->session, path, database->lock_wait); !connected)
      return tl::unexpected(connected.error());
    if (!has_schema(database->session))
      return fail("there is no record of runs in it yet: the runner is just starting", path, Retry::later);
    if (auto current = require_current(database->session, kSqlite); !current)
      return fail(current.error().what, path, current.error().retry);
    keep_log_at_close(database->session, false);
  } catch (...) {
    return tl::unexpected(current_failure(path, kSqlite).error);
  }
  return database;
}

}  // namespace mig_runner::store

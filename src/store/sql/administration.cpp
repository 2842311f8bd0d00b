#include "store/administration.h"

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/file_status.h"
#include "base/host_name.h"
#include "store/sql/database.h"
#include "store/sql/sqlite_file.h"
#include "store/tree_lock.h"

namespace mig_runner::store {
namespace {

namespace fs = std::filesystem;
using soci::into;
using soci::use;

const Dialect& dialect_of(const Location& location) {
  return location.is_postgresql() ? kPostgresql : kSqlite;
}

Result<void> connect(soci::session& session, const Location& location, LockWait& lock_wait) {
  if (location.is_postgresql()) {
    connect_postgresql(session, location.uri);
    prepare_postgresql(session, std::chrono::milliseconds(0));
    return {};
  }
  if (auto connected = connect_sqlite(session, location.file, lock_wait); !connected) return connected;
  keep_log_at_close(session, false);
  return {};
}

// Runs `work`, which returns a Result and throws what SOCI throws.
template <class Work>
auto guarded(const Location& location, Work work) -> std::invoke_result_t<Work> {
  try {
    return work();
  } catch (...) {
    return tl::unexpected(current_failure(location.text(), dialect_of(location)).error);
  }
}

// The tables, in the order in which they are filled, and what each holds. Values pass as text, which both databases
// turn into what a column holds.
struct Table {
  const char* name;
  std::vector<std::string> columns;
};

std::vector<Table> tables() {
  std::vector<std::string> runs{"number", "job", "nominal"};
  for (const auto& column : kRunColumns) runs.emplace_back(column.name);
  return {{"jobs", {"number", "name", "planned_through", "timetable", "paused_since", "paused_at_run"}},
          {"pauses", {"job", "since", "until"}},
          {"runs", std::move(runs)},
          {"documents", {"run", "kind", "place", "content"}},
          {"tally", {"owner", "state", "runs"}}};
}

std::string joined(const std::vector<std::string>& columns, const std::string& before, const std::string& behind) {
  std::string text;
  for (const auto& column : columns) text += (text.empty() ? "" : ", ") + before + column + behind;
  return text;
}

// libpq would hold all rows of a SELECT in memory: a server is asked for some at a time. Within a transaction.
std::int64_t copy_table(soci::session& from, bool from_server, soci::session& to, const Table& table) {
  const auto& columns = table.columns;
  std::vector<std::string> values(columns.size());
  std::vector<soci::indicator> indicators(columns.size(), soci::i_null);
  soci::statement read(from);
  soci::statement write(to);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    read.exchange(into(values[i], indicators[i]));
    write.exchange(use(values[i], indicators[i], columns[i]));
  }
  auto select = "SELECT " + joined(columns, "CAST(", " AS text)") + " FROM " + table.name;
  if (from_server) {
    from << "DECLARE " << table.name << "_to_copy NO SCROLL CURSOR FOR " + select;
    select = "FETCH 1000 FROM " + std::string(table.name) + "_to_copy";
  }
  read.alloc();
  read.prepare(select);
  read.define_and_bind();
  write.alloc();
  write.prepare("INSERT INTO " + std::string(table.name) + " (" + joined(columns, "", "") + ") VALUES (" +
                joined(columns, ":", "") + ")");
  write.define_and_bind();
  std::int64_t rows = 0;
  for (bool more = true; more;) {
    const auto before = rows;
    read.execute();
    for (; read.fetch(); ++rows) write.execute(true);
    more = from_server && rows > before;
  }
  return rows;
}

long long count(soci::session& session, const std::string& what) {
  long long rows = 0;
  session << "SELECT count(*) FROM " + what, into(rows);
  return rows;
}

// The next run and the next job get numbers behind those that were copied.
void go_on_numbering(soci::session& session) {
  for (const std::string table : {"jobs", "runs"})
    session << "SELECT setval(pg_get_serial_sequence('" + table + "', 'number'), (SELECT max(number) FROM " + table +
                   "))";
}

// Claims of a runner that was killed mean nothing: the next start begins without them.
Result<void> require_quiet(soci::session& session, const Location& location) {
  const auto refuse = [&](const std::string& advice, const std::string& who) {
    return fail("a runner is at work on it, stop it first" + advice + ": " + who, location.text(), Retry::later);
  };
  if (!location.is_postgresql()) {
    const auto holder = TreeLock::holder(location.file.parent_path());
    if (!holder) return tl::unexpected(holder.error());
    return *holder ? refuse("", **holder) : Result<void>();
  }
  int known = 0;
  session << "SELECT count(to_regclass('members'))", into(known);
  if (known == 0) return {};
  std::string who;
  session << R"(SELECT min('process ' || process || ' on ' || host) FROM members
WHERE NOT has_left AND lease_until > clock_timestamp()
HAVING count(*) > 0)",
      into(who);
  return session.got_data() ? refuse(", or wait until its lease has ended", who) : Result<void>();
}

// Where the result files lie that an SQLite file names.
std::string tree_of(const Location& sqlite) {
  const auto state = fs::absolute(sqlite.file).parent_path();
  return state.filename() == "state" ? host_name() + ':' + state.parent_path().string() : "";
}

void name_tree(soci::session& target, const std::string& tree) {
  target << "UPDATE runs SET collected_by = :tree WHERE result_file <> '' AND collected_by = ''", use(tree, "tree");
}

// That nothing of a schema of the known version is missing. Throws what SOCI throws.
Result<void> require_whole(soci::session& session, const Location& location) {
  if (location.is_postgresql()) {
    name_every_column(session, kPostgresql);
    return {};
  }
  const auto missing = find_missing(session);
  if (missing.empty()) return {};
  return fail("the database is damaged (" + missing + "): the next start sets it aside and begins a new one",
              location.text());
}

// Within a transaction. Returns what was found before. Throws what SOCI throws.
Result<SchemaVersions> bring_up_to_date(soci::session& session, const Location& location) {
  const SchemaVersions versions{found_version(session, dialect_of(location)), schema_version()};
  const bool older = versions.found != 0 && versions.found < versions.known;
  if (auto quiet = older ? require_quiet(session, location) : Result<void>(); !quiet)
    return tl::unexpected(quiet.error());
  if (auto migrated = migrate(session, dialect_of(location)); !migrated)
    return fail(migrated.error().what, location.text(), migrated.error().retry);
  if (auto whole = require_whole(session, location); !whole) return tl::unexpected(whole.error());
  return versions;
}

// An SQLite file that was not there before: removed again unless keep() is called.
class NewFile {
 public:
  static Result<NewFile> make(const Location& location) {
    if (location.is_postgresql()) return NewFile({});
    const auto status = file_status(location.file, Symlinks::followed);
    if (!status) return tl::unexpected(status.error());
    if (*status) return NewFile({});
    if (auto made = make_directories(location.file.parent_path()); !made) return tl::unexpected(made.error());
    if (auto made = create_sqlite_file(location.file); !made) return tl::unexpected(made.error());
    return NewFile(location.file);
  }
  NewFile(NewFile&& other) noexcept : file_(std::exchange(other.file_, {})) {}
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile() {
    if (file_.empty()) return;
    std::error_code ignored;
    for (const auto* part : {"", "-wal", "-shm"}) fs::remove(file_.string() + part, ignored);
  }
  void keep() { file_.clear(); }

 private:
  explicit NewFile(fs::path file) : file_(std::move(file)) {}
  fs::path file_;
};

// By its name, for want of more.
Result<bool> is_same(const Location& one, const Location& other) {
  if (one.is_postgresql() || other.is_postgresql())
    return one.is_postgresql() && other.is_postgresql() && one.text() == other.text();
  const auto first = file_status(one.file, Symlinks::followed);
  if (!first) return tl::unexpected(first.error());
  const auto second = file_status(other.file, Symlinks::followed);
  if (!second) return tl::unexpected(second.error());
  return *first && *second && (*first)->st_dev == (*second)->st_dev && (*first)->st_ino == (*second)->st_ino;
}

// All of it as it is at one moment, with nobody at work on it. Throws what SOCI throws.
Result<std::unique_ptr<Transaction>> open_source(soci::session& source, const Location& from, LockWait& lock_wait) {
  if (auto connected = connect(source, from, lock_wait); !connected) return tl::unexpected(connected.error());
  if (auto current = require_current(source, dialect_of(from)); !current)
    return fail(current.error().what, from.text(), current.error().retry);
  auto reading = std::make_unique<Transaction>(source, dialect_of(from).begin_durable);
  if (from.is_postgresql()) {
    source << "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ";
    source << "LOCK TABLE members IN SHARE MODE";  // nobody joins meanwhile
  }
  if (auto quiet = require_quiet(source, from); !quiet) return tl::unexpected(quiet.error());
  return reading;
}

// Within a transaction of the target: its schema is there, it has no history and nobody is at work on it. Throws what
// SOCI throws.
Result<void> prepare_target(soci::session& target, const Location& to) {
  if (auto made = bring_up_to_date(target, to); !made) return tl::unexpected(made.error());
  if (auto quiet = require_quiet(target, to); !quiet) return quiet;
  if (to.is_postgresql()) target << "LOCK TABLE jobs, runs IN EXCLUSIVE MODE";
  if (count(target, "(SELECT number FROM jobs LIMIT 1) AS found") != 0 ||
      count(target, "(SELECT number FROM runs LIMIT 1) AS found") != 0)
    return fail("it is not empty: nothing was copied", to.text());
  return {};
}

}  // namespace

Result<SchemaVersions> schema_versions(const Location& location) {
  return guarded(location, [&]() -> Result<SchemaVersions> {
    if (!location.is_postgresql()) {
      const auto status = file_status(location.file, Symlinks::followed);
      if (!status) return tl::unexpected(status.error());
      if (!*status) return SchemaVersions{0, schema_version()};
    }
    LockWait lock_wait(LockWait::kCommand);
    soci::session session;
    if (auto connected = connect(session, location, lock_wait); !connected) return tl::unexpected(connected.error());
    const SchemaVersions versions{found_version(session, dialect_of(location)), schema_version()};
    if (versions.found != versions.known) return versions;
    if (auto whole = require_whole(session, location); !whole) return tl::unexpected(whole.error());
    return versions;
  });
}

Result<SchemaVersions> make_schema(const Location& location) {
  return guarded(location, [&]() -> Result<SchemaVersions> {
    auto file = NewFile::make(location);
    if (!file) return tl::unexpected(file.error());
    LockWait lock_wait(LockWait::kCommand);
    soci::session session;
    if (auto connected = connect(session, location, lock_wait); !connected) return tl::unexpected(connected.error());
    Transaction transaction(session, dialect_of(location).begin_durable);
    auto versions = bring_up_to_date(session, location);
    if (!versions) return versions;
    transaction.commit();
    file->keep();
    return versions;
  });
}

Result<std::int64_t> copy_history(const Location& from, const Location& to) {
  const auto same = is_same(from, to);
  if (!same) return tl::unexpected(same.error());
  if (*same) return fail("it cannot be copied to itself", from.text());
  return guarded(to, [&]() -> Result<std::int64_t> {
    LockWait lock_wait(LockWait::kCommand);
    soci::session source;
    const auto reading = guarded(from, [&] { return open_source(source, from, lock_wait); });
    if (!reading) return tl::unexpected(reading.error());
    auto file = NewFile::make(to);
    if (!file) return tl::unexpected(file.error());
    soci::session target;
    if (auto connected = connect(target, to, lock_wait); !connected) return tl::unexpected(connected.error());
    Transaction writing(target, dialect_of(to).begin_durable);
    if (auto ready = prepare_target(target, to); !ready) return tl::unexpected(ready.error());
    std::int64_t runs = 0;
    for (const auto& table : tables()) {
      const auto rows = copy_table(source, from.is_postgresql(), target, table);
      if (std::string_view(table.name) == "runs") runs = rows;
    }
    if (to.is_postgresql()) go_on_numbering(target);
    if (to.is_postgresql() && !from.is_postgresql()) name_tree(target, tree_of(from));
    writing.commit();
    file->keep();
    return runs;
  });
}

}  // namespace mig_runner::store

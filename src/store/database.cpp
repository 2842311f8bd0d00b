#include "store/database.h"

#include <soci/sqlite3/soci-sqlite3.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <array>
#include <vector>

namespace mig_runner::store {
namespace {

namespace fs = std::filesystem;

constexpr int kBusyTimeoutMs = 10'000;

// Step N brings version N to N + 1. Never changed once released; a new version is a new step.
// Times are milliseconds since 1970, UTC; states are RunState's numbers.
const std::vector<std::vector<std::string>> kSteps = {{
    "CREATE TABLE run (number INTEGER PRIMARY KEY, job TEXT NOT NULL, nominal BIGINT NOT NULL, state INTEGER NOT NULL,"
    " wake BIGINT, deadline BIGINT, attempts INTEGER NOT NULL, failures INTEGER NOT NULL, reason TEXT NOT NULL,"
    " plugin TEXT NOT NULL, action_id BIGINT NOT NULL, valid_from BIGINT, expire_after BIGINT, posted_at BIGINT,"
    " stored_at BIGINT, delivered_at BIGINT, result_file TEXT NOT NULL, commands BIGINT NOT NULL,"
    " expected BIGINT NOT NULL, complete INTEGER NOT NULL, recollections INTEGER NOT NULL, owner TEXT,"
    " UNIQUE (job, nominal))",
    "CREATE INDEX run_by_wake ON run (state, wake) WHERE wake IS NOT NULL",
    "CREATE INDEX run_by_nominal ON run (nominal)",
    "CREATE INDEX run_by_action ON run (action_id) WHERE action_id <> 0",
    "CREATE TABLE document (run BIGINT NOT NULL, kind INTEGER NOT NULL, position INTEGER NOT NULL, body TEXT NOT NULL,"
    " PRIMARY KEY (run, kind, position))",
    "CREATE TABLE planned (job TEXT PRIMARY KEY, through BIGINT NOT NULL)",
    "CREATE TABLE tally (state INTEGER PRIMARY KEY, runs BIGINT NOT NULL)",
}};

bool is_damage(const soci::soci_error& error) {
  const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error);
  if (sqlite == nullptr) return false;
  const int code = sqlite->result() & 0xff;
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

// The file and what SQLite keeps beside it.
Result<std::string> set_aside(const fs::path& path, Timestamp now) {
  const auto aside = path.string() + ".damaged-" + format_utc(now);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::error_code error;
    if (!fs::exists(path.string() + suffix, error)) continue;
    fs::rename(path.string() + suffix, aside + suffix, error);
    if (error) return fail("it is damaged and cannot be set aside: " + error.message(), path);
  }
  return aside;
}

void check(soci::session& session) {
  std::string verdict;
  session << "PRAGMA quick_check(1)", soci::into(verdict);
  if (verdict != "ok") throw soci::sqlite3_soci_error("the database is damaged: " + verdict, SQLITE_CORRUPT);
}

Result<void> upgrade(soci::session& session, const fs::path& path) {
  soci::transaction transaction(session);
  session << "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)";
  int rows = 0;
  int version = 0;
  session << "SELECT COUNT(*), COALESCE(MAX(version), 0) FROM schema_version", soci::into(rows), soci::into(version);
  const int newest = static_cast<int>(kSteps.size());
  if (version > newest)
    return fail("it was written by a newer mig-runner (schema " + std::to_string(version) + ", this one knows " +
                    std::to_string(newest) + "): install that version or newer",
                path);
  for (; version < newest; ++version)
    for (const auto& statement : kSteps[static_cast<std::size_t>(version)]) session << statement;
  if (rows == 0) {
    session << "INSERT INTO schema_version (version) VALUES (:version)", soci::use(version);
  } else {
    session << "UPDATE schema_version SET version = :version", soci::use(version);
  }
  transaction.commit();
  return {};
}

Result<std::unique_ptr<soci::session>> try_open(const fs::path& path) {
  auto session = std::make_unique<soci::session>(soci::sqlite3, "db=" + path.string());
  auto* raw = static_cast<soci::sqlite3_session_backend*>(session->get_backend())->conn_;
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  // Read at once what a look at the header alone would not show as damaged.
  check(*session);
  std::string mode;
  *session << "PRAGMA journal_mode = WAL", soci::into(mode);
  *session << "PRAGMA synchronous = FULL";
  if (auto upgraded = upgrade(*session, path); !upgraded) return tl::unexpected(upgraded.error());
  return session;
}

}  // namespace

Result<Database> open_database(const fs::path& path, Timestamp now) {
  const mode_t before = umask(0077);
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  Database database;
  const auto attempt = [&]() -> Result<bool> {  // false: damaged
    try {
      auto session = try_open(path);
      if (!session) return tl::unexpected(session.error());
      database.session = std::move(*session);
      return true;
    } catch (const soci::soci_error& problem) {
      if (is_damage(problem)) return false;
      return fail(problem.what(), path, Retry::later);
    }
  };
  auto opened = attempt();
  if (opened && !*opened) {
    auto aside = set_aside(path, now);
    if (aside) {
      database.set_aside = *aside;
      opened = attempt();
    } else {
      opened = tl::unexpected(aside.error());
    }
  }
  umask(before);
  if (!opened) return tl::unexpected(opened.error());
  if (!*opened) return fail("it cannot be begun anew after the damaged one was set aside", path);
  return database;
}

}  // namespace mig_runner::store

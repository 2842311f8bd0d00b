#include "store/sql/sqlite_file.h"

#include <fcntl.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "base/file.h"
#include "base/file_status.h"
#include "store/sql/schema.h"

namespace mig_runner::store {
namespace {

namespace fs = std::filesystem;

// What SQLite keeps beside the database: the log, its index, and a journal while a new file is set up.
constexpr std::array<const char*, 3> kCompanions{"-wal", "-shm", "-journal"};

// SQLite takes a file that is shorter than a page for a new database and throws its log away.
constexpr std::int64_t kPageBytes = 4096;
// Plans and states of runs touch few pages again and again; SQLite would keep four times as many.
constexpr int kCacheKib = 512;

fs::path beside(const fs::path& path, const char* ending) {
  return path.string() + ending;
}

Result<bool> is_there(const fs::path& path) {
  return file_status(path, Symlinks::refused).map([](const auto& status) { return status.has_value(); });
}

// Whether one of the files is there that stand beside a database.
Result<bool> any_companion(const fs::path& path) {
  for (const auto* ending : kCompanions) {
    const auto there = is_there(beside(path, ending));
    if (!there || *there) return there;
  }
  return false;
}

// A new name, at which nothing stands.
Result<fs::path> free_name(const std::string& first) {
  for (int i = 1;; ++i) {
    const fs::path name = i == 1 ? first : first + '-' + std::to_string(i);
    const auto taken = is_there(name);
    if (!taken) return tl::unexpected(taken.error());
    const auto companions = any_companion(name);
    if (!companions) return tl::unexpected(companions.error());
    if (!*taken && !*companions) return name;
  }
}

Result<void> move_if_there(const fs::path& from, const fs::path& to, const std::string& what) {
  if (rename(from.c_str(), to.c_str()) == 0 || errno == ENOENT) return {};
  return fail_errno(what + " cannot be set aside", from);
}

// "20261123T080000Z": colons trouble tar and scp.
std::string stamp(Timestamp now) {
  auto text = format_utc(std::chrono::floor<std::chrono::seconds>(now));
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

}  // namespace

void keep_log_at_close(soci::session& session, bool keep) {
  auto* const connection = static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
  sqlite_api::sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, nullptr);
}

Result<void> connect_sqlite(soci::session& session, const fs::path& path, LockWait& lock_wait) {
  const auto name = path.string();
  // SOCI's connection string has no way to write a quotation mark.
  if (name.find('"') != std::string::npos) return fail("the name of the database must not hold a quotation mark", name);
  // SQLite tells little of why it cannot open a file, and SOCI then leaks the connection.
  if (const UniqueFd file(open(name.c_str(), O_RDWR | O_CLOEXEC)); !file)
    return fail_errno("the database cannot be opened", name);
  session.open(soci::sqlite3, "dbname=\"" + fs::absolute(path).string() + "\"");
  lock_wait.install(session);
  keep_log_at_close(session, true);
  session << "PRAGMA page_size = " << kPageBytes;
  std::string mode;
  session << "PRAGMA journal_mode = WAL", soci::into(mode);
  if (mode != "wal") return fail("the file system does not let SQLite keep a write-ahead log", name);
  session << "PRAGMA journal_size_limit = 16777216";
  session << "PRAGMA cell_size_check = ON";
  session << "PRAGMA cache_size = -" << kCacheKib;
  session << "PRAGMA trusted_schema = OFF";
  session << "PRAGMA temp_store = MEMORY";
  return {};
}

bool has_schema(soci::session& session) {
  int tables = 0;
  session << "SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'", soci::into(tables);
  return tables == 1;
}

long long sqlite_data_version(soci::session& session) {
  long long version = 0;
  session << "PRAGMA data_version", soci::into(version);
  return version;
}

bool has_log(const fs::path& path) {
  const auto status = file_status(beside(path, "-wal"), Symlinks::followed);
  return !status || (*status && (*status)->st_size > 0);
}

std::string find_damage(soci::session& session, bool thorough) {
  std::string verdict;
  session << (thorough ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)"), soci::into(verdict);
  if (verdict != "ok") return verdict;
  int tables = 0;
  int ours = 0;
  session << "SELECT count(*), count(CASE WHEN name = 'schema_version' THEN 1 END) FROM sqlite_master",
      soci::into(tables), soci::into(ours);
  if (tables == 0) return "";
  if (ours == 0) return "it holds something else than runs";
  int versions = 0;
  session << "SELECT count(*) FROM schema_version WHERE version > 0", soci::into(versions);
  return versions == 1 ? "" : "the version of its schema is lost";
}

std::string find_missing(soci::session& session) {
  try {
    name_every_column(session, kSqlite);
  } catch (const soci::sqlite3_soci_error& error) {
    if ((error.result() & 0xff) != SQLITE_ERROR) throw;  // a failing disk, say
    return error.get_error_message();
  }
  return "";
}

Result<void> create_sqlite_file(const fs::path& path) {
  const auto there = is_there(path);
  if (!there) return tl::unexpected(there.error());
  if (*there) return {};
  remove_temporary_files(path.parent_path());  // of a runner that was killed right here
  return DurableFile::create(path).and_then([](DurableFile file) { return file.commit(); });
}

Result<std::string> find_remains(const fs::path& path) {
  const auto status = file_status(path, Symlinks::followed);
  if (!status) return tl::unexpected(status.error());
  if (*status) {
    const auto size = (*status)->st_size;
    if (size == 0) return "it is empty";
    // A last page that is cut passes for zeros. A log that a crash left makes it whole again.
    return size < kPageBytes || (size % kPageBytes != 0 && !has_log(path)) ? "it is cut off" : "";
  }
  const auto companions = any_companion(path);
  if (!companions) return tl::unexpected(companions.error());
  return *companions ? "it is gone, only its log is left" : "";
}

Result<std::string> set_aside(const fs::path& path, Timestamp now) {
  const auto target = free_name(path.string() + ".damaged-" + stamp(now));
  if (!target) return tl::unexpected(target.error());
  // The database first: a log without one is set aside too, a database without its log might pass for a whole one.
  if (auto moved = move_if_there(path, *target, "the damaged database"); !moved) return tl::unexpected(moved.error());
  for (const auto* ending : kCompanions)
    if (auto moved = move_if_there(beside(path, ending), beside(*target, ending), "the damaged database's log"); !moved)
      return tl::unexpected(moved.error());
  return target->string();
}

}  // namespace mig_runner::store

#include "store/sqlite_file.h"

#include <fcntl.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "store/schema.h"

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

// -1 where there is no file.
std::int64_t size_of(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? -1 : static_cast<std::int64_t>(size);
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
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
  if (mode != "wal") return fail("the file system does not let SQLite keep a write-ahead log", name, Retry::later);
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
  return size_of(beside(path, "-wal")) > 0;
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
  if (is_there(path)) return {};
  remove_temporary_files(path.parent_path());  // of a runner that was killed right here
  return DurableFile::create(path).and_then([](DurableFile file) { return file.commit(); });
}

std::string find_remains(const fs::path& path) {
  const auto size = size_of(path);
  if (size == 0) return "it is empty";
  // A last page that is cut passes for zeros. A log that a crash left makes it whole again.
  if (size > 0 && (size < kPageBytes || (size % kPageBytes != 0 && !has_log(path)))) return "it is cut off";
  if (!is_there(path) && std::any_of(kCompanions.begin(), kCompanions.end(),
                                     [&](const char* ending) { return is_there(beside(path, ending)); }))
    return "it is gone, only its log is left";
  return "";
}

Result<std::string> set_aside(const fs::path& path, Timestamp now) {
  const auto first = path.string() + ".damaged-" + stamp(now);
  auto target = first;
  const auto taken = [&] {
    return is_there(target) || std::any_of(kCompanions.begin(), kCompanions.end(),
                                           [&](const char* ending) { return is_there(beside(target, ending)); });
  };
  for (int i = 2; taken(); ++i) target = first + '-' + std::to_string(i);
  // The database first: a log without one is set aside too, a database without its log might pass for a whole one.
  if (is_there(path) && rename(path.c_str(), target.c_str()) != 0)
    return fail_errno("the damaged database cannot be set aside", path);
  for (const auto* ending : kCompanions) {
    const auto companion = beside(path, ending);
    if (is_there(companion) && rename(companion.c_str(), beside(target, ending).c_str()) != 0)
      return fail_errno("the damaged database's log cannot be set aside", companion);
  }
  return target;
}

}  // namespace mig_runner::store

#include "sandbox/store/sqlite.h"

#include <sqlite3.h>

#include <utility>

namespace mig_sandbox {
namespace {

void check(sqlite3* connection, int code) {
  if (code != SQLITE_OK) throw SqliteError(sqlite3_errmsg(connection));
}

}  // namespace

Statement::Statement(sqlite3* connection, std::string_view sql) : connection_(connection) {
  check(connection_, sqlite3_prepare_v2(connection, sql.data(), static_cast<int>(sql.size()), &statement_, nullptr));
}

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)), next_(other.next_) {}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::bind(std::int64_t value) {
  check(connection_, sqlite3_bind_int64(statement_, next_++, value));
  return *this;
}

Statement& Statement::bind(std::string_view value) {
  check(connection_, sqlite3_bind_text64(statement_, next_++, value.data() == nullptr ? "" : value.data(), value.size(),
                                         SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind_null() {
  check(connection_, sqlite3_bind_null(statement_, next_++));
  return *this;
}

Statement& Statement::bind_optional(const std::optional<std::string>& value) {
  return value ? bind(std::string_view(*value)) : bind_null();
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) throw SqliteError(sqlite3_errmsg(connection_));
  return false;
}

void Statement::run() {
  while (step()) {
  }
  reset();
}

void Statement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  next_ = 1;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_, column);
  if (bytes == nullptr) return {};
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Database::Database(const std::string& path) {
  // Whoever owns a connection keeps it to one thread at a time: SQLite's own locks would only cost.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &connection_, flags, nullptr);
  if (code != SQLITE_OK) {
    const std::string what = connection_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(connection_);
    sqlite3_close(connection_);
    throw SqliteError(what);
  }
}

Database::~Database() {
  sqlite3_close(connection_);
}

void Database::run(const std::string& sql) {
  check(connection_, sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr));
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(connection_);
}

Transaction::~Transaction() {
  if (open_) sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  database_.run("COMMIT");
  open_ = false;
}

}  // namespace mig_sandbox

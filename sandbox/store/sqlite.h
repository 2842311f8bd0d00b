#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace mig_sandbox {

// Thrown by Database and Statement; caught at the room's edges (one request, one step of the scheduler, start).
class SqliteError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A prepared statement. One thread at a time, and not longer than its Database.
class Statement {
 public:
  Statement(sqlite3* connection, std::string_view sql);
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // Values for the ? of the statement, from the first on.
  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view value);
  Statement& bind_null();
  Statement& bind_optional(const std::optional<std::string>& value);

  // True while there is a row.
  bool step();
  // Runs to the end and makes ready for new values.
  void run();
  void reset();

  std::int64_t integer(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;
  sqlite3_stmt* get() const { return statement_; }

 private:
  sqlite3* connection_;
  sqlite3_stmt* statement_ = nullptr;
  int next_ = 1;
};

// A SQLite connection. One thread at a time.
class Database {
 public:
  // `path`: a file, or ":memory:".
  explicit Database(const std::string& path);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  void run(const std::string& sql);
  Statement prepare(std::string_view sql) { return {connection_, sql}; }
  std::int64_t changes() const;
  sqlite3* get() const { return connection_; }

 private:
  sqlite3* connection_ = nullptr;
};

// Rolls back when it goes out of scope without commit().
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) { database_.run("BEGIN IMMEDIATE"); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace mig_sandbox

#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace mig_runner::test {

// Another process's view of the database.
class Connection {
 public:
  explicit Connection(const std::filesystem::path& path) {
    if (sqlite3_open(path.c_str(), &connection_) != SQLITE_OK) throw std::runtime_error("cannot open");
  }
  ~Connection() { sqlite3_close(connection_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  void execute(const std::string& sql) const {
    if (sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(connection_));
  }

 private:
  sqlite3* connection_ = nullptr;
};

inline void execute(const std::filesystem::path& path, const std::string& sql) {
  Connection(path).execute(sql);
}

}  // namespace mig_runner::test

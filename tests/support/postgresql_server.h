#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "support/scratch_directory.h"

namespace mig_runner::test {

// A PostgreSQL of the test's own: in a scratch directory, reached by a socket in it, nothing of the system touched.
// Runs as the user postgres where the tests run as root, which it refuses to be.
class PostgresqlServer {
 public:
  // Makes and starts it; throws where that fails. `durable`: flushes to disk, as others do.
  explicit PostgresqlServer(bool durable = false);
  ~PostgresqlServer();
  PostgresqlServer(const PostgresqlServer&) = delete;
  PostgresqlServer& operator=(const PostgresqlServer&) = delete;

  // Started once for the whole test program.
  static PostgresqlServer& shared();

  void start();
  // Ends it: at once, as in a crash, or with connections cut in good order.
  void stop(bool crash = false);

  // A database of its own, made anew.
  std::string new_database();
  std::string uri(const std::string& database) const;
  // Runs SQL by psql; throws where that fails. Returns what it prints, unaligned.
  std::string query(const std::string& database, const std::string& sql) const;
  // A URI for whose connections the database's clock is so much later, or earlier.
  std::string uri_with_other_clock(const std::string& database, std::chrono::milliseconds later) const;
  // From now on the commit of a change to a run of which `condition` holds (a row NEW) takes half a second.
  void doze_at_commit(const std::string& database, const std::string& condition) const;
  // Whether any statement there is in pg_sleep().
  bool somebody_dozes(const std::string& database) const;
  std::filesystem::path socket() const;

 private:
  ScratchDirectory directory_;
  std::filesystem::path programs_;
  const bool durable_;
  int databases_ = 0;
};

}  // namespace mig_runner::test

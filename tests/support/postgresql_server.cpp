#include "support/postgresql_server.h"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "base/child.h"

namespace mig_runner::test {
namespace {

namespace fs = std::filesystem;

// Debian keeps the server's programs out of PATH, each version in a directory of its own.
fs::path find_programs() {
  std::vector<fs::path> versions;
  std::error_code none;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", none))
    if (fs::exists(version.path() / "bin" / "initdb")) versions.push_back(version.path() / "bin");
  if (versions.empty()) throw std::runtime_error("there is no PostgreSQL server: install the package postgresql");
  return *std::max_element(versions.begin(), versions.end());
}

const passwd* server_user() {
  if (geteuid() != 0) return nullptr;
  const auto* user = getpwnam("postgres");
  if (user == nullptr) user = getpwnam("nobody");
  return user;
}

// Returns what it printed. `as_server`: as the user that the server runs as.
std::string run(std::vector<std::string> arguments, const fs::path& output, bool as_server) {
  const auto name = arguments[0];
  if (const auto* const user = as_server ? server_user() : nullptr)
    arguments.insert(arguments.begin(), {"setpriv", "--reuid=" + std::to_string(user->pw_uid),
                                         "--regid=" + std::to_string(user->pw_gid), "--clear-groups", "--"});
  auto child = Child::start({.arguments = std::move(arguments),
                             .directory = "/",
                             .output = {-1, output, O_WRONLY | O_CREAT | O_TRUNC},
                             .errors = {-1, output, O_WRONLY | O_CREAT | O_APPEND}});
  const int status = child ? child->wait().status() : child.error();
  auto text = read_text(output);
  if (status != 0) throw std::runtime_error(name + " failed: " + text);
  return text;
}

}  // namespace

PostgresqlServer::PostgresqlServer(bool durable) : programs_(find_programs()), durable_(durable) {
  if (const auto* user = server_user();
      user != nullptr && chown(directory_.path().c_str(), user->pw_uid, user->pw_gid) != 0)
    throw std::runtime_error("chown");
  run({programs_ / "initdb", "-D", directory_.path() / "data", "-A", "trust", "-U", "runner", "--no-sync", "-E", "UTF8",
       "--locale=C"},
      directory_.path() / "initdb.log", true);
  write_text(directory_.path() / "data" / "pg_hba.conf", "local all locked scram-sha-256\nlocal all all trust\n");
  start();
}

PostgresqlServer::~PostgresqlServer() {
  try {
    stop(true);
  } catch (const std::exception&) {
    // It was stopped already.
  }
}

PostgresqlServer& PostgresqlServer::shared() {
  static PostgresqlServer server;
  return server;
}

void PostgresqlServer::start() {
  // Only processes die in tests, not the machine: nothing needs to reach the disk.
  const auto options = "-c listen_addresses='' -k " + directory_.path().string() + (durable_ ? "" : " -c fsync=off") +
                       " -c max_connections=200 -c shared_buffers=16MB -c autovacuum=off";
  run({programs_ / "pg_ctl", "-D", directory_.path() / "data", "-o", options, "-l", directory_.path() / "log", "-w",
       "start"},
      directory_.path() / "start.log", true);
}

void PostgresqlServer::stop(bool crash) {
  run({programs_ / "pg_ctl", "-D", directory_.path() / "data", "-m", crash ? "immediate" : "fast", "-w", "stop"},
      directory_.path() / "stop.log", true);
}

std::string PostgresqlServer::new_database() {
  const auto name = "test_" + std::to_string(++databases_);
  query("postgres", "CREATE DATABASE " + name);
  return name;
}

std::string PostgresqlServer::uri(const std::string& database) const {
  return "postgresql://runner@/" + database + "?host=" + directory_.path().string();
}

std::string PostgresqlServer::query(const std::string& database, const std::string& sql) const {
  const ScratchDirectory scratch;
  return run({"/usr/bin/psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", uri(database), "-c", sql},
             scratch.path() / "output", false);
}

std::string PostgresqlServer::uri_with_other_clock(const std::string& database, std::chrono::milliseconds later) const {
  query(database,
        "CREATE SCHEMA off; CREATE FUNCTION off.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS"
        " $$ SELECT pg_catalog.clock_timestamp() + interval '" +
            std::to_string(later.count()) + " ms' $$");
  return uri(database) + "&options=-csearch_path%3Doff,pg_catalog,public";
}

void PostgresqlServer::doze_at_commit(const std::string& database, const std::string& condition) const {
  query(database,
        "CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF " + condition +
            " THEN PERFORM pg_sleep(0.5); END IF; RETURN NULL; END $$;"
            " CREATE CONSTRAINT TRIGGER doze AFTER INSERT OR UPDATE ON runs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
            " EXECUTE FUNCTION doze()");
}

bool PostgresqlServer::somebody_dozes(const std::string& database) const {
  return query(database,
               "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'") !=
         "0\n";
}

fs::path PostgresqlServer::socket() const {
  return directory_.path() / ".s.PGSQL.5432";
}

}  // namespace mig_runner::test

#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"

namespace mig_runner::store {

// Where runs are kept: in a file of SQLite, or in a PostgreSQL database that several runners may share.
struct Location {
  // NOLINTNEXTLINE(google-explicit-constructor): a path is what most callers have.
  Location(std::filesystem::path sqlite_file) : file(std::move(sqlite_file)) {}

  // What [runner] store says: a libpq URI ("postgresql://.."), or "sqlite" or nothing for `sqlite_file`. An Error,
  // which never shows a password, where it is none of these.
  static Result<Location> parse(const std::string& setting, const std::filesystem::path& sqlite_file);

  bool is_postgresql() const { return !uri.empty(); }
  // For people: the file, or the URI without password and options.
  std::string text() const;

  // A warning about a server that the connection does not verify; empty where it does (sslmode=verify-full,
  // a socket of this machine, loopback), and for SQLite.
  std::string unverified_server() const;

  // The runner's directory on this machine as a group tells it from those of others, "HOST:DIRECTORY". Empty for
  // SQLite.
  std::string tree() const;

  std::filesystem::path file;  // of SQLite: state/runs.db in the runner's directory, also where it is not used
  std::string uri;             // may hold a password
};

}  // namespace mig_runner::store

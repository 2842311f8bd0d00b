#pragma once

#include <soci/soci.h>

#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "store/sql/lock_wait.h"

namespace mig_runner::store {

// Everything that is SQLite's alone: its file, its settings, its damage.

// Connects `session` to the existing file at `path`, which gets a write-ahead log, waiting for other
// processes' locks as `lock_wait` says, which outlives it. The log is kept at close until the caller knows better.
// Throws what SOCI throws.
Result<void> connect_sqlite(soci::session& session, const std::filesystem::path& path, LockWait& lock_wait);

// Whether to leave the write-ahead log as it is when the connection is closed: a damaged database must not be written.
void keep_log_at_close(soci::session& session, bool keep);

// False for a database that is just being made. Throws what SOCI throws.
bool has_schema(soci::session& session);

// A number that changes when another connection writes to the database. Throws what SOCI throws.
long long sqlite_data_version(soci::session& session);

// Whether a log is left beside the closed database, or it cannot be told: whoever had it open did not end in good
// order.
bool has_log(const std::filesystem::path& path);

// What is wrong with the connected database, empty where nothing is. Reads all of it, and where it is `thorough` also
// compares tables with their indexes, which takes seven times as long. Throws what SOCI throws.
std::string find_damage(soci::session& session, bool thorough);

// Which table or column of the current schema is missing, empty where all are there. Throws what SOCI throws.
std::string find_missing(soci::session& session);

// Makes an empty file (mode 0600, parents 0700) where there is none.
Result<void> create_sqlite_file(const std::filesystem::path& path);

// Why what lies at `path` cannot be a database even before it is opened, empty where it may be or where nothing is.
Result<std::string> find_remains(const std::filesystem::path& path);

// Moves the database with its log and index to PATH.damaged-TIME and returns the new name. Nothing may have it open.
Result<std::string> set_aside(const std::filesystem::path& path, Timestamp now);

}  // namespace mig_runner::store

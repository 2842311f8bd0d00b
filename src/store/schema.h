#pragma once

#include <soci/soci.h>

#include <array>

#include "base/error.h"

namespace mig_runner::store {

// What databases spell differently.
struct Dialect {
  using Begin = std::array<const char*, 2>;
  // Begin a transaction that takes the write lock at once, since asking for it later could deadlock: one that survives
  // a power cut when it is committed, and one that may be lost with all after it unless one that survives follows.
  Begin begin_durable;
  Begin begin_volatile;
  const char* key_column;  // a 64-bit key that the database numbers by itself
};

inline constexpr Dialect kSqlite{{"PRAGMA synchronous = FULL", "BEGIN IMMEDIATE"},
                                 {"PRAGMA synchronous = NORMAL", "BEGIN IMMEDIATE"},
                                 "INTEGER PRIMARY KEY"};

// The version of the schema that this code reads and writes.
int schema_version();

// Brings the schema up to date within the caller's transaction, from nothing or from an older version. Refuses a newer
// one (Retry::no). Throws what SOCI throws.
Result<void> migrate(soci::session& session, const Dialect& dialect);

// Refuses (Retry::no) a schema of another version. Throws what SOCI throws.
Result<void> require_current(soci::session& session);

// Throws what SOCI throws where a table or column is missing that statements name.
void name_every_column(soci::session& session);

}  // namespace mig_runner::store

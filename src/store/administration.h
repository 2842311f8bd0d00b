#pragma once

#include <cstdint>

#include "base/error.h"
#include "store/location.h"

namespace mig_runner::store {

// What `mig-runner store` does: to the whole of a store rather than to its runs. Errors as RunStore's.

struct SchemaVersions {
  int found = 0;  // 0: there is none
  int known = 0;  // what this code reads and writes
};
// An SQLite file that is not there has no schema; none is made.
Result<SchemaVersions> schema_versions(const Location& location);

// Makes the schema, or brings an older one up to date, in one transaction; returns what was found before. Refuses a
// newer one (Retry::no), and to upgrade while a runner is at work there (Retry::later).
Result<SchemaVersions> make_schema(const Location& location);

// Everything that `from` knows of jobs and runs goes to `to`, which must have none of either (Retry::no), in one
// transaction: whole or not at all. Its schema is made where there is none. Where a runner is
// at work on either it is refused (Retry::later): one that holds the tree's lock, or whose lease is live. Returns the
// number of runs.
Result<std::int64_t> copy_history(const Location& from, const Location& to);

}  // namespace mig_runner::store

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
// newer one (Retry::no). The caller sees to it that no runner is at work there.
Result<SchemaVersions> make_schema(const Location& location);

// Everything that `from` knows of jobs and runs goes to `to`, which must have none of either (Retry::no), in one
// transaction: whole or not at all. Its schema is made where there is none. Nobody may be at work on either: where runs
// are claimed it is refused (Retry::later). Returns the number of runs.
Result<std::int64_t> copy_history(const Location& from, const Location& to);

}  // namespace mig_runner::store

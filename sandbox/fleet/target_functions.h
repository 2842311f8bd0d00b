#pragma once

#include "sandbox/base/times.h"

struct sqlite3;

namespace mig_sandbox {

// Gives a connection what translated targets call (throws SqliteError): PostgreSQL's LIKE and ILIKE, regular
// expressions, -> and ->> on JSON columns, and pg_now(OFFSET), which is `*now` and an interval such as "-5 minutes".
// `now` lives as long as the connection.
void add_target_functions(sqlite3* connection, const Micros* now);

// From here on the connection only takes queries that read the table agents, through functions that cannot write or
// take long. `*unlocked` true lifts that for the owner's own statements; it lives as long as the connection.
void lock_to_agents(sqlite3* connection, const bool* unlocked);

}  // namespace mig_sandbox

#pragma once

#include <soci/soci.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "base/error.h"

namespace mig_runner::store {

// Everything that is PostgreSQL's alone: its connection and what it says of failures.

// Why `uri` cannot be one of libpq's, empty where it can. Shows nothing of it.
std::string uri_problem(const std::string& uri);
// "postgresql://USER@HOST:PORT/DATABASE", as far as the URI says them.
std::string describe_uri(const std::string& uri);

// Location::unverified_server() of a URI.
std::string unverified_host(const std::string& uri);

// Connects, within ten seconds unless the URI or the environment says otherwise; a connection on which nothing comes
// through any more is noticed within half a minute. To be followed by prepare_postgresql(). Throws what SOCI throws.
void connect_postgresql(soci::session& session, const std::string& uri);

// How long a call may take. Where `lease` is that of a member, not longer: its claims are lost then anyway.
inline std::chrono::milliseconds longest_call(std::chrono::milliseconds lease = std::chrono::seconds(15)) {
  return std::min<std::chrono::milliseconds>(lease, std::chrono::seconds(15));
}
// Sets what every connection needs. `longest_call`: how long the server lets a statement run; half as long it waits
// for a lock, or for the next statement of a transaction: whoever is stopped or cut off in the middle of one would
// keep what it has locked for hours. 0: as long as it takes. Throws what SOCI throws.
void prepare_postgresql(soci::session& session, std::chrono::milliseconds longest_call);

// Whether the session has no usable connection (any more).
bool connection_lost(soci::session& session);
// Of a session that is connected.
int socket_of(soci::session& session);

// Sorts a failure by its SQLSTATE; `text` is what the server or libpq said.
Error postgresql_failure(const std::string& sqlstate, const std::string& text, const std::string& where);

}  // namespace mig_runner::store

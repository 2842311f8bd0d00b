#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace mig_sandbox {

using mig_runner::Result;

// Puts a target, which is a PostgreSQL condition over the agents table, into SQLite's words: ILIKE, ~ and JSON paths
// become operators whose functions target_functions.h provides, casts and intervals become what SQLite has. The
// result stands in brackets. What only SQLite would take is refused. An Error is PostgreSQL's complaint without "pq: ".
Result<std::string> translate_target(std::string_view target);

// SQLite's complaint about a translated target as PostgreSQL would put it, without "pq: ".
std::string postgres_complaint(std::string_view sqlite_message);

// The first character of a JSON path that `#>>` became; its keys follow, each behind this character.
inline constexpr char kPathMark = '\x1f';

}  // namespace mig_sandbox

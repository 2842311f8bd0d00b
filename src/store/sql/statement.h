#pragma once

#include <soci/soci.h>

#include <string>

namespace mig_runner::store {

// Prepares a statement whose exchanges are bound. `once`: it is executed a single time, which a server then answers
// with one message; a prepared statement costs three. Throws what SOCI throws.
inline void prepare(soci::statement& statement, const std::string& sql, bool once) {
  statement.alloc();
  statement.prepare(sql, once ? soci::details::st_one_time_query : soci::details::st_repeatable_query);
  statement.define_and_bind();
}

}  // namespace mig_runner::store

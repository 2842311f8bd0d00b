#pragma once

#include "base/error.h"
#include "store/sql/schema.h"

namespace mig_runner::store {

// A database's failure, told from the exception in flight. The statement's parameters are never part of `error`.
struct Failure {
  Error error;
  bool damaged = false;  // the file does not hold what was written to it
};

// Call it in a catch block. `where` is the database, of that dialect.
Failure current_failure(const std::string& where, const Dialect& dialect);

}  // namespace mig_runner::store

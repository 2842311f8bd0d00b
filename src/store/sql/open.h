#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "store/sql/database.h"

namespace mig_runner::store {

struct OpenedDatabase {
  std::unique_ptr<Database> database;
  std::string set_aside, damage;  // as in Opened
};
// As RunStore::open() and RunStore::open_beside().
Result<OpenedDatabase> open_database(const Location& location, const std::string& owner, Timestamp now,
                                     std::chrono::milliseconds lease_length, const Clock& clock);
Result<std::unique_ptr<Database>> open_database_beside(const Location& location, const std::string& owner);

}  // namespace mig_runner::store

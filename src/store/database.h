#pragma once

#include <soci/soci.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/time.h"

namespace mig_runner::store {

// An open SQLite database with the current schema. Private to the room.
struct Database {
  std::unique_ptr<soci::session> session;
  std::string set_aside;  // where a damaged one was moved to, or empty
};

Result<Database> open_database(const std::filesystem::path& path, Timestamp now);

}  // namespace mig_runner::store

#pragma once

#include <filesystem>

namespace mig_runner::config {

// Where things lie in a runner's directory ([runner] directory).

inline std::filesystem::path runners_in(const std::filesystem::path& directory) {
  return directory / "runners";  // a directory a job
}
inline std::filesystem::path plugins_in(const std::filesystem::path& directory) {
  return directory / "plugins";
}
inline std::filesystem::path state_in(const std::filesystem::path& directory) {
  return directory / "state";  // the runner's alone
}
// The record of runs, unless it is kept in PostgreSQL.
inline std::filesystem::path database_in(const std::filesystem::path& directory) {
  return state_in(directory) / "runs.db";
}

}  // namespace mig_runner::config

#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "config/problem.h"
#include "spool/job.h"

namespace mig_runner::spool {

// The texts of a job's two files, or why one cannot be read.
struct JobFiles {
  std::filesystem::path entity_path, action_path;
  Result<std::string> entity, action;
};
JobFiles read_job_files(const std::filesystem::path& directory);

// An action may have 16 MiB; one that is larger is an Error that names the limit.
inline constexpr std::size_t kMaxActionBytes = std::size_t{16} << 20U;
Result<std::string> read_action_file(const std::filesystem::path& file);

// Checks them; all that is wrong is told at once.
config::Checked<Job> read_job(JobFiles files, const std::string& name, const config::JobSettings& defaults);

}  // namespace mig_runner::spool

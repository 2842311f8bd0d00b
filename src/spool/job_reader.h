#pragma once

#include <filesystem>
#include <string>

#include "config/problem.h"
#include "spool/job.h"

namespace mig_runner::spool {

// Reads and checks a job's two files.
config::Checked<Job> read_job(const std::filesystem::path& directory, const std::string& name,
                              const config::JobSettings& defaults);

}  // namespace mig_runner::spool

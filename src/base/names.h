#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace mig_runner {

// The rules for names of jobs, plugins and result files: one each for what operators write, for what an original
// runner left and for what the record of runs holds. Each returns what is wrong, or nothing.

// `name` cannot be a job's: .., /, a leading dot, control characters, longer than 200 bytes, not UTF-8.
std::string job_name_problem(std::string_view name);

// A directory in runners/ that nobody means as a job: a hidden one (.git, .snapshot, ..data of Kubernetes), lost+found.
bool is_passed_over(std::string_view name);

// `name` cannot be that of a file in plugins/. Empty, it names no plugin, which is none.
std::string plugin_name_problem(std::string_view name);

// `relative`, as Run::result_file has it, is not a file of that job's results: "runners/JOB/results/..", without "..".
std::string result_file_problem(std::string_view job, const std::filesystem::path& relative);

}  // namespace mig_runner

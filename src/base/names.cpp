#include "base/names.h"

#include <algorithm>

#include "base/utf8.h"

namespace mig_runner {
namespace {

constexpr std::size_t kMaxJobName = 200;
constexpr std::size_t kMaxFileName = 255;

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

}  // namespace

std::string job_name_problem(std::string_view name) {
  if (name.empty()) return "a job's name cannot be empty";
  if (name.size() > kMaxJobName) return "a job's name has at most 200 bytes";
  if (name.front() == '.') return "a job's name cannot begin with a dot";
  for (auto rest = name; !rest.empty();) {
    if (rest.front() == '/') return "a job's name cannot hold a slash";
    if (is_control(rest.front())) return "a job's name cannot hold control characters";
    const auto length = utf8_length(rest);
    if (length == 0) return "a job's name must be UTF-8";
    rest.remove_prefix(length);
  }
  return "";
}

bool is_passed_over(std::string_view name) {
  return name.starts_with('.') || name == "lost+found";
}

std::string plugin_name_problem(std::string_view name) {
  if (name.find('/') != std::string::npos) return "a plugin is a file name in plugins/, without any slash";
  if (name.starts_with('.')) return "a plugin's name cannot begin with a dot";
  if (name.size() > kMaxFileName) return "a plugin's name has at most 255 bytes";
  if (std::any_of(name.begin(), name.end(), is_control)) return "a plugin's name cannot hold control characters";
  return "";
}

std::string result_file_problem(std::string_view job, const std::filesystem::path& relative) {
  if (auto problem = job_name_problem(job); !problem.empty()) return problem;
  const auto results = std::filesystem::path("runners") / job / "results";
  const auto [end_of_results, rest] = std::mismatch(results.begin(), results.end(), relative.begin(), relative.end());
  const bool inside =
      end_of_results == results.end() && rest != relative.end() &&
      std::none_of(rest, relative.end(), [](const auto& part) {
        return part.empty() || part == "." || part == ".." || part.native().find('\0') != std::string::npos;
      });
  return inside ? "" : "a result file of the job lies in " + results.string();
}

}  // namespace mig_runner

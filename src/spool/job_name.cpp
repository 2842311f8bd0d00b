#include "base/utf8.h"
#include "spool/spool.h"

namespace mig_runner::spool {
namespace {

constexpr std::size_t kMaxNameBytes = 200;

}  // namespace

std::string job_name_problem(std::string_view name) {
  if (name.empty()) return "a job's name cannot be empty";
  if (name.size() > kMaxNameBytes) return "a job's name has at most 200 bytes";
  if (name.front() == '.') return "a job's name cannot begin with a dot";
  for (auto rest = name; !rest.empty();) {
    const auto c = static_cast<unsigned char>(rest.front());
    if (c == '/') return "a job's name cannot hold a slash";
    if (c < 0x20 || c == 0x7F) return "a job's name cannot hold control characters";
    const auto length = utf8_length(rest);
    if (length == 0) return "a job's name must be UTF-8";
    rest.remove_prefix(length);
  }
  return "";
}

}  // namespace mig_runner::spool

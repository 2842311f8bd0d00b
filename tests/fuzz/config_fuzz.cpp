#include <string>

#include "config/checked.h"
#include "fuzz/target.h"

namespace mig_runner::fuzz {
namespace {

template <class T>
void check(const config::Checked<T>& checked) {
  bool fatal = false;
  for (const auto& problem : checked.problems) {
    fatal = fatal || problem.fatal;
    require(!problem.message.empty() && problem.file == "f", "a problem says what and where");
    require(problem.text().find('\n') == std::string::npos, "a problem is one line");
  }
  require(checked.value.has_value() == !fatal, "a value is there exactly when no problem is fatal");
}

}  // namespace

FUZZ_TARGET(config) {
  check(config::parse_job_config(bytes, "f", {}));
  check(config::parse_runner_config(bytes, "f"));
  check(config::parse_client_config(bytes, "f"));
}

}  // namespace mig_runner::fuzz

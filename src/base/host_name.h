#pragma once

#include <string>

namespace mig_runner {

// This machine's, "unknown" where it has none.
std::string host_name();

}  // namespace mig_runner

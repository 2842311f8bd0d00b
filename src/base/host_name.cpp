#include "base/host_name.h"

#include <unistd.h>

#include <array>

namespace mig_runner {

std::string host_name() {
  std::array<char, 256> host{};
  const bool known = gethostname(host.data(), host.size() - 1) == 0 && host[0] != '\0';
  return known ? host.data() : "unknown";
}

}  // namespace mig_runner

#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace mig_runner {

tl::unexpected<Error> fail_errno(std::string what, std::string where, Retry retry) {
  const int number = errno;
  char buffer[256];
  return fail(what + ": " + strerror_r(number, buffer, sizeof buffer), std::move(where), retry);
}

}  // namespace mig_runner

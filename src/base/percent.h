#pragma once

#include <string>
#include <string_view>

namespace mig_runner {

// Percent-encoding of everything but RFC 3986's unreserved characters: right in a query and in a form body.
std::string percent_encode(std::string_view text);

}  // namespace mig_runner

#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace mig_runner::mig {

// base64(gzip(text)), the form of compressed parameters.
Result<std::string> gzip_base64(std::string_view text);

std::string base64(std::string_view bytes);

}  // namespace mig_runner::mig

#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace mig_sandbox {

// The text in base64(gzip(text)), the form of parameters that are compressed. At most 16 MiB.
mig_runner::Result<std::string> decompress(std::string_view base64);

// The bytes in standard base64 with padding; line breaks are skipped.
mig_runner::Result<std::string> decode_base64(std::string_view text);

}  // namespace mig_sandbox

#pragma once

#include <string>
#include <string_view>

namespace mig_runner::store {

// What every database takes as text: UTF-8 without NUL. Bytes that are not become U+FFFD, each.
std::string clean_text(std::string_view text);

}  // namespace mig_runner::store

#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace mig_sandbox {

// Compact JSON as Go writes it: < > & U+2028 U+2029 escaped, invalid UTF-8 replaced.
std::string go_json(const nlohmann::json& value);

// What Go's encoding/json says about the first fault in the syntax of `text`; empty where there is none.
std::string go_syntax_error(std::string_view text);

}  // namespace mig_sandbox

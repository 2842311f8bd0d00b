#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace mig_sandbox {

using mig_runner::Result;

// Values out of a JSON object as Go's encoding/json fills a struct: names match ignoring case, what is missing or null
// is the zero value, unknown names are ignored, a wrong type is an Error. `object` may be null, too.
Result<void> check_object(const nlohmann::json& object, std::string_view what);
const nlohmann::json& member(const nlohmann::json& object, std::string_view name);
Result<std::vector<std::string>> string_list(const nlohmann::json& object, std::string_view name);
Result<std::string> string_value(const nlohmann::json& object, std::string_view name);
Result<bool> bool_value(const nlohmann::json& object, std::string_view name);
Result<double> number_value(const nlohmann::json& object, std::string_view name);

// Compressed parameters: base64 of gzip of JSON. More than 16 MiB of JSON is an Error.
Result<nlohmann::json> decompress_parameters(const std::string& text);

}  // namespace mig_sandbox

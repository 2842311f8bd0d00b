#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "mig/json_value.h"

namespace mig_runner::mig {

// JSON as Go's encoding/json writes it (docs/protocol.md, "The action"): these bytes are signed.

// `text` in double quotes; < > & and U+2028 U+2029 are escaped, invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);

// The shortest form that reads back as the same number.
std::string json_number(double number);
// The 64-bit float nearest to a JSON number; nullopt where none holds it (1e400).
std::optional<double> json_float(std::string_view number);

// Compact: members sorted by the bytes of their names, the last of several with one name, numbers through 64-bit
// floats. `source` is what `value` was read from: an Error tells the place in it of a number that no float holds.
Result<std::string> canonical_json(const JsonValue& value, std::string_view source);

}  // namespace mig_runner::mig

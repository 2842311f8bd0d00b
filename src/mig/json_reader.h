#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"
#include "mig/json_value.h"

namespace mig_runner::mig {

// Deeper nesting is refused: whoever walks a value may then recurse.
inline constexpr int kMaxJsonDepth = 1000;

// Reads one JSON text as Go's encoding/json does: strictly by RFC 8259, but invalid UTF-8 and lone surrogates become
// U+FFFD. An Error's `where` is "LINE:COLUMN".
Result<JsonValue> read_json(std::string_view text);

// "LINE:COLUMN" of a byte offset, both from 1, columns in characters.
std::string json_position(std::string_view text, std::size_t offset);

}  // namespace mig_runner::mig

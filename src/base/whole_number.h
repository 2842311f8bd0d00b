#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mig_runner {

// The value of a JSON number that is whole and smaller than 2^53 either way, however it is written: 29426359271548,
// 2.9426359271548e+13 (Go 1.7 and older write floats so) and 29426359271548.0 are the same. nullopt for every other
// text.
std::optional<std::int64_t> whole_number(std::string_view text);

}  // namespace mig_runner

#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace mig_runner {

// Levenshtein's distance, in bytes.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The one of `known` with the least distance, the first of several; empty if none has less than `limit`.
std::string nearest(const std::vector<std::string>& known,
                    const std::function<std::size_t(const std::string&)>& distance,
                    std::size_t limit = std::string::npos);

// The one of `known` that somebody who wrote `wrong` most likely meant, compared ignoring the case of ASCII letters;
// the first of several; empty where even the nearest differs in more than two characters and in more than half
// of `wrong`.
std::string nearest_name(std::string_view wrong, const std::vector<std::string>& known);

}  // namespace mig_runner

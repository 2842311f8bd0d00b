#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace mig_runner {

// ASCII letters become small ones; whatever the locale, everything else stays.
constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
std::string lower(std::string_view text);

// "1 job", "2 jobs"; `plural` where it is not an s more.
template <std::integral Number>
std::string counted(Number count, const std::string& singular, const std::string& plural = "") {
  return std::to_string(count) + ' ' + (count == 1 ? singular : plural.empty() ? singular + 's' : plural);
}

}  // namespace mig_runner

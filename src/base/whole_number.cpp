#include "base/whole_number.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace mig_runner {
namespace {

constexpr std::int64_t kLimit = std::int64_t{1} << 53U;  // floats of 64 bits hold every whole number below it
constexpr int kMaxExponent = 20;
constexpr std::size_t kMaxDigits = 16;

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The exponent's value; nullopt if it is none, or too large for a number that can be used.
std::optional<int> exponent_value(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int value = 0;
  const auto* const end = text.data() + text.size();
  if (text.empty() || !all_digits(text)) return std::nullopt;
  if (std::from_chars(text.data(), end, value).ec != std::errc() || value > kMaxExponent) return std::nullopt;
  return negative ? -value : value;
}

}  // namespace

std::optional<std::int64_t> whole_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto mark = std::min(text.find_first_of("eE"), text.size());
  const auto exponent = mark == text.size() ? std::optional(0) : exponent_value(text.substr(mark + 1));
  const auto mantissa = text.substr(0, mark);
  const auto point = std::min(mantissa.find('.'), mantissa.size());
  const auto before = mantissa.substr(0, point);
  const auto after = point == mantissa.size() ? std::string_view() : mantissa.substr(point + 1);
  if (!exponent || before.empty() || !all_digits(before) || !all_digits(after)) return std::nullopt;
  if ((before.size() > 1 && before[0] == '0') || (point < mantissa.size() && after.empty())) return std::nullopt;

  // All digits as one, with the point moved behind them; zeros at the end say nothing.
  auto digits = std::string(before) + std::string(after);
  auto zeros = *exponent - static_cast<int>(after.size());
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.empty()) return 0;
  for (; digits.back() == '0'; digits.pop_back()) ++zeros;
  if (zeros < 0 || digits.size() + static_cast<std::size_t>(zeros) > kMaxDigits) return std::nullopt;
  digits.append(static_cast<std::size_t>(zeros), '0');
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (value >= kLimit) return std::nullopt;
  return negative ? -value : value;
}

}  // namespace mig_runner

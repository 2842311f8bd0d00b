#include "mig/wire_time.h"

#include <algorithm>

namespace mig_runner::mig {
namespace {

constexpr std::size_t kFraction = std::string_view("2006-01-02T15:04:05").size();
constexpr std::size_t kNanosecondDigits = 9;

}  // namespace

WireTime wire_time(Timestamp instant) {
  return {instant, format_utc(instant)};
}

Result<WireTime> parse_wire_time(std::string_view text) {
  const auto instant = parse_rfc3339(text);
  if (!instant) return tl::unexpected(instant.error());
  std::size_t zone = text.find_first_of("Zz+-", kFraction);
  std::string fraction(text.substr(kFraction, std::min(zone - kFraction, 1 + kNanosecondDigits)));
  fraction.erase(fraction.find_last_not_of("0.") + 1);
  const std::string_view offset = text.substr(zone);
  const bool utc = offset == "z" || offset == "+00:00" || offset == "-00:00";
  std::string normal = std::string(text.substr(0, kFraction)) + fraction;
  return WireTime{*instant, normal.append(utc ? "Z" : offset)};
}

}  // namespace mig_runner::mig

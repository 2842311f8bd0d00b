#include "base/time.h"

#include <fmt/core.h>

#include <array>
#include <cstdint>
#include <optional>

namespace mig_runner {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Drops the zeros that end a fraction, and the point with them where nothing is left.
std::string fraction_text(std::uint64_t fraction, int digits) {
  if (fraction == 0) return "";
  std::string text = fmt::format(".{:0{}}", fraction, digits);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

// Takes fixed-width pieces off the front of a text.
class Pieces {
 public:
  explicit Pieces(std::string_view text) : rest_(text) {}

  std::optional<int> number(std::size_t width, int low, int high) {
    if (rest_.size() < width) return std::nullopt;
    int value = 0;
    for (char c : rest_.substr(0, width)) {
      if (!is_digit(c)) return std::nullopt;
      value = value * 10 + (c - '0');
    }
    if (value < low || value > high) return std::nullopt;
    rest_.remove_prefix(width);
    return value;
  }

  bool skip(std::string_view any_of) {
    if (rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

std::optional<Timestamp> read_date(Pieces& in) {
  const auto year = in.number(4, 0, 9999);
  if (!year || !in.skip("-")) return std::nullopt;
  const auto month = in.number(2, 1, 12);
  if (!month || !in.skip("-")) return std::nullopt;
  const auto day = in.number(2, 1, 31);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return Timestamp(std::chrono::sys_days{date});
}

std::optional<std::chrono::milliseconds> read_time_of_day(Pieces& in) {
  const auto hour = in.number(2, 0, 23);
  if (!hour || !in.skip(":")) return std::nullopt;
  const auto minute = in.number(2, 0, 59);
  if (!minute || !in.skip(":")) return std::nullopt;
  const auto second = in.number(2, 0, 59);
  if (!second) return std::nullopt;
  int millis = 0;
  if (in.skip(".")) {
    auto digit = in.number(1, 0, 9);
    if (!digit) return std::nullopt;
    for (int worth = 100; digit; digit = in.number(1, 0, 9), worth /= 10) millis += *digit * worth;
  }
  return std::chrono::hours{*hour} + std::chrono::minutes{*minute} + std::chrono::seconds{*second} +
         std::chrono::milliseconds{millis};
}

std::optional<std::chrono::minutes> read_offset(Pieces& in) {
  if (in.skip("Zz")) return std::chrono::minutes{0};
  const bool negative = in.skip("-");
  if (!negative && !in.skip("+")) return std::nullopt;
  const auto hours = in.number(2, 0, 23);
  if (!hours || !in.skip(":")) return std::nullopt;
  const auto minutes = in.number(2, 0, 59);
  if (!minutes) return std::nullopt;
  const std::chrono::minutes offset{*hours * 60 + *minutes};
  return negative ? -offset : offset;
}

struct DurationUnit {
  std::string_view name;
  std::uint64_t nanoseconds;
};

// The micro sign (U+00B5) and the Greek letter mu (U+03BC) both stand for micro.
constexpr std::array<DurationUnit, 8> kDurationUnits{{{"ns", 1},
                                                      {"us", 1'000},
                                                      {"\u00b5s", 1'000},
                                                      {"\u03bcs", 1'000},
                                                      {"ms", 1'000'000},
                                                      {"s", 1'000'000'000},
                                                      {"m", 60'000'000'000},
                                                      {"h", 3'600'000'000'000}}};

const DurationUnit* find_duration_unit(std::string_view name) {
  for (const auto& unit : kDurationUnits) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

tl::unexpected<Error> bad_duration(std::string_view text, std::string_view why) {
  return fail(fmt::format("\"{}\" is not a duration: {}", text, why));
}

constexpr std::uint64_t kDurationLimit = std::uint64_t{1} << 63;  // what a negative one may reach

// Reads digits; nullopt where they exceed kDurationLimit. `count` is how many there were.
std::optional<std::uint64_t> read_whole(std::string_view& in, std::size_t& count) {
  std::uint64_t value = 0;
  for (count = 0; !in.empty() && is_digit(in.front()); ++count, in.remove_prefix(1)) {
    if (value > kDurationLimit / 10) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(in.front() - '0');
    if (value > kDurationLimit) return std::nullopt;
  }
  return value;
}

struct Fraction {
  std::uint64_t digits = 0;
  double scale = 1;

  // In floating point on purpose: a third of an hour written with many threes has to be 20 minutes, as in Go.
  std::uint64_t of(std::uint64_t unit) const {
    return static_cast<std::uint64_t>(static_cast<double>(digits) * (static_cast<double>(unit) / scale));
  }
};

// Digits beyond what fits are read but change nothing.
Fraction read_fraction(std::string_view& in, std::size_t& count) {
  Fraction fraction;
  bool full = false;
  for (count = 0; !in.empty() && is_digit(in.front()); ++count, in.remove_prefix(1)) {
    const auto digit = static_cast<std::uint64_t>(in.front() - '0');
    full = full || fraction.digits > (kDurationLimit - 1 - digit) / 10;
    if (full) continue;
    fraction.digits = fraction.digits * 10 + digit;
    fraction.scale *= 10;
  }
  return fraction;
}

// One "1.5h" off the front of `in`, in nanoseconds.
Result<std::uint64_t> read_duration_part(std::string_view text, std::string_view& in) {
  constexpr std::string_view kTooLong = "it is longer than 292 years";
  std::size_t whole_digits = 0;
  std::size_t fraction_digits = 0;
  const auto whole = read_whole(in, whole_digits);
  if (!whole) return bad_duration(text, kTooLong);
  Fraction fraction;
  if (!in.empty() && in.front() == '.') {
    in.remove_prefix(1);
    fraction = read_fraction(in, fraction_digits);
  }
  if (whole_digits + fraction_digits == 0) return bad_duration(text, "a number has to stand before each unit");
  const auto unit_name = in.substr(0, in.find_first_of("0123456789."));
  if (unit_name.empty()) return bad_duration(text, "a unit (ns, us, ms, s, m, h) has to follow each number, as in 90s");
  const auto* unit = find_duration_unit(unit_name);
  if (unit == nullptr) {
    return bad_duration(text, fmt::format("\"{}\" is not one of the units ns, us, ms, s, m, h", unit_name));
  }
  in.remove_prefix(unit_name.size());
  if (*whole > kDurationLimit / unit->nanoseconds) return bad_duration(text, kTooLong);
  const auto total = *whole * unit->nanoseconds + fraction.of(unit->nanoseconds);
  if (total > kDurationLimit) return bad_duration(text, kTooLong);
  return total;
}

}  // namespace

std::string format_utc(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(),
                     fraction_text(static_cast<std::uint64_t>(clock.subseconds().count()), 3));
}

Result<Timestamp> parse_rfc3339(std::string_view text) {
  Pieces in(text);
  const auto bad = [&] {
    return fail(fmt::format("\"{}\" is not a time such as 2026-11-23T08:00:00Z or 2026-11-23T09:00:00+01:00", text));
  };
  const auto date = read_date(in);
  if (!date || !in.skip("Tt")) return bad();
  const auto time_of_day = read_time_of_day(in);
  if (!time_of_day) return bad();
  const auto offset = read_offset(in);
  if (!offset || !in.rest().empty()) return bad();
  return *date + *time_of_day - *offset;
}

Result<std::chrono::nanoseconds> parse_go_duration(std::string_view text) {
  auto in = text;
  const bool negative = !in.empty() && in.front() == '-';
  if (negative || (!in.empty() && in.front() == '+')) in.remove_prefix(1);
  if (in == "0") return std::chrono::nanoseconds{0};
  if (in.empty()) return bad_duration(text, "it has to be like 5m or 1h30m");
  std::uint64_t total = 0;
  while (!in.empty()) {
    const auto part = read_duration_part(text, in);
    if (!part) return tl::unexpected(part.error());
    if (*part > kDurationLimit - total) return bad_duration(text, "it is longer than 292 years");
    total += *part;
  }
  if (total < kDurationLimit) {
    const auto value = static_cast<std::int64_t>(total);
    return std::chrono::nanoseconds{negative ? -value : value};
  }
  if (negative) return std::chrono::nanoseconds::min();
  return bad_duration(text, "it is longer than 292 years");
}

std::string format_go_duration(std::chrono::nanoseconds duration) {
  if (duration.count() == 0) return "0s";
  const char* sign = duration.count() < 0 ? "-" : "";
  const auto size = static_cast<std::uint64_t>(duration.count());
  const std::uint64_t total = duration.count() < 0 ? 0 - size : size;
  if (total < 1'000) return fmt::format("{}{}ns", sign, total);
  if (total < 1'000'000) return fmt::format("{}{}{}µs", sign, total / 1'000, fraction_text(total % 1'000, 3));
  if (total < 1'000'000'000) {
    return fmt::format("{}{}{}ms", sign, total / 1'000'000, fraction_text(total % 1'000'000, 6));
  }
  const auto seconds = total / 1'000'000'000;
  std::string text = sign;
  if (seconds >= 3600) text += fmt::format("{}h", seconds / 3600);
  if (seconds >= 60) text += fmt::format("{}m", seconds / 60 % 60);
  return text + fmt::format("{}{}s", seconds % 60, fraction_text(total % 1'000'000'000, 9));
}

}  // namespace mig_runner

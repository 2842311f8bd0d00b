#include "cron/posix_tz.h"

#include <fmt/core.h>

#include <chrono>

namespace mig_runner::cron {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Reads the pieces of a rule off its front; nullopt where a piece is not there.
class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }

  bool skip(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::optional<int> number(int low, int high) {
    int value = 0;
    std::size_t digits = 0;
    while (digits < rest_.size() && digits < 4 && is_digit(rest_[digits])) value = value * 10 + (rest_[digits++] - '0');
    if (digits == 0 || value < low || value > high) return std::nullopt;
    rest_.remove_prefix(digits);
    return value;
  }

  // "CET" or "<+0330>".
  std::optional<std::string> abbreviation() {
    const bool quoted = skip('<');
    std::size_t size = 0;
    const auto fits = [&](char c) { return is_letter(c) || (quoted && (is_digit(c) || c == '+' || c == '-')); };
    while (size < rest_.size() && fits(rest_[size])) ++size;
    std::string name(rest_.substr(0, size));
    rest_.remove_prefix(size);
    if (size < 3 || (quoted && !skip('>'))) return std::nullopt;
    return name;
  }

  // "[+-]hh[:mm[:ss]]", in seconds.
  std::optional<int> time(int highest_hour) {
    const bool negative = skip('-');
    if (!negative) skip('+');
    const auto hours = number(0, highest_hour);
    if (!hours) return std::nullopt;
    int seconds = *hours * 3600;
    for (int worth = 60; worth > 0 && skip(':'); worth /= 60) {
      const auto part = number(0, 59);
      if (!part) return std::nullopt;
      seconds += *part * worth;
    }
    return negative ? -seconds : seconds;
  }

  std::optional<PosixTz::YearDay> year_day() {
    using Kind = PosixTz::YearDay::Kind;
    PosixTz::YearDay result;
    if (skip('M')) {
      const auto month = number(1, 12);
      const auto week = month && skip('.') ? number(1, 5) : std::nullopt;
      const auto day = week && skip('.') ? number(0, 6) : std::nullopt;
      if (!day) return std::nullopt;
      result = {Kind::month_week_day, *month, *week, *day, result.time};
    } else {
      result.kind = skip('J') ? Kind::julian_without_leap_day : Kind::day_of_year;
      const bool julian = result.kind == Kind::julian_without_leap_day;
      const auto day = number(julian ? 1 : 0, 365);
      if (!day) return std::nullopt;
      result.day = *day;
    }
    if (!skip('/')) return result;
    const auto time_of_day = time(167);
    if (!time_of_day) return std::nullopt;
    result.time = *time_of_day;
    return result;
  }

 private:
  std::string_view rest_;
};

// POSIX counts offsets west of Greenwich.
std::optional<LocalType> read_standard(RuleReader& in) {
  auto name = in.abbreviation();
  const auto west = name ? in.time(24) : std::nullopt;
  if (!west) return std::nullopt;
  return LocalType{-*west, std::move(*name)};
}

std::optional<LocalType> read_daylight(RuleReader& in, int standard_offset, bool& rule_follows) {
  auto name = in.abbreviation();
  if (!name) return std::nullopt;
  LocalType type{standard_offset + 3600, std::move(*name)};
  rule_follows = in.skip(',');
  if (rule_follows || in.at_end()) return type;
  const auto west = in.time(24);
  if (!west) return std::nullopt;
  type.offset = -*west;
  rule_follows = in.skip(',');
  return type;
}

}  // namespace

Seconds PosixTz::YearDay::in_year(int year) const {
  using namespace std::chrono;
  const std::chrono::year y{year};
  sys_days date = sys_days{y / January / 1};
  switch (kind) {
    case Kind::month_week_day: {
      const std::chrono::month m{static_cast<unsigned>(month)};
      const weekday wanted{static_cast<unsigned>(day)};
      date = week == 5 ? sys_days{y / m / wanted[last]} : sys_days{y / m / wanted[static_cast<unsigned>(week)]};
      break;
    }
    case Kind::julian_without_leap_day:
      date += days{day - 1 + (y.is_leap() && day >= 60 ? 1 : 0)};
      break;
    case Kind::day_of_year:
      date += days{day};
      break;
  }
  return Seconds{date.time_since_epoch().count()} * 86400 + time;
}

Result<PosixTz> PosixTz::parse(std::string_view text) {
  const auto bad = [&] {
    return fail(fmt::format("\"{}\" is not a time zone rule such as CET-1CEST,M3.5.0,M10.5.0/3", text));
  };
  RuleReader in(text);
  auto standard = read_standard(in);
  if (!standard) return bad();
  PosixTz zone{std::move(*standard), std::nullopt};
  if (in.at_end()) return zone;
  bool rule_follows = false;
  auto type = read_daylight(in, zone.standard.offset, rule_follows);
  if (!type) return bad();
  if (!rule_follows && in.at_end()) {
    return fail(
        fmt::format("\"{}\" names a daylight saving time but not when it applies: add that, as in "
                    "CET-1CEST,M3.5.0,M10.5.0/3, or give a name such as Europe/Berlin",
                    text));
  }
  const auto begin = rule_follows ? in.year_day() : std::nullopt;
  const auto end = begin && in.skip(',') ? in.year_day() : std::nullopt;
  if (!end || !in.at_end()) return bad();
  zone.daylight = Daylight{std::move(*type), *begin, *end};
  return zone;
}

std::vector<Change> PosixTz::changes(int first_year, int final_year) const {
  std::vector<Change> result;
  if (!daylight) return result;
  for (int year = first_year; year <= final_year; ++year) {
    result.push_back({daylight->begin.in_year(year) - standard.offset, daylight->type});
    result.push_back({daylight->end.in_year(year) - daylight->type.offset, standard});
  }
  return result;
}

}  // namespace mig_runner::cron

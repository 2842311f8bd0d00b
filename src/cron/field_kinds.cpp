#include "cron/field_kinds.h"

#include <fmt/core.h>

#include "cron/fields.h"

namespace mig_runner::cron {
namespace {

constexpr std::string_view kMonthNames[] = {"january", "february", "march",     "april",   "may",      "june",
                                            "july",    "august",   "september", "october", "november", "december"};
constexpr std::string_view kWeekDayNames[] = {"sunday",   "monday", "tuesday", "wednesday",
                                              "thursday", "friday", "saturday"};

}  // namespace

const std::array<FieldKind, 7> kFieldKinds{{
    {FieldKind::Id::second, "second", 0, 59, 59, {}},
    {FieldKind::Id::minute, "minute", 0, 59, 59, {}},
    {FieldKind::Id::hour, "hour", 0, 23, 23, {}},
    {FieldKind::Id::month_day, "day-of-month", 1, 31, 31, {}},
    {FieldKind::Id::month, "month", 1, 12, 12, kMonthNames},
    {FieldKind::Id::week_day, "day-of-week", 0, 6, 7, kWeekDayNames},
    {FieldKind::Id::year, "year", kFirstYear, kLastYear, kLastYear, {}},
}};

std::string FieldKind::expected() const {
  auto text = fmt::format("{} to {}", low, highest);
  if (!names.empty()) text += fmt::format(" or {} to {}", names.front().substr(0, 3), names.back().substr(0, 3));
  return text;
}

std::optional<int> FieldKind::value(std::string_view text) const {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (text == names[i] || text == names[i].substr(0, 3)) return low + static_cast<int>(i);
  }
  if (text.empty() || text.size() > 4) return std::nullopt;
  int number = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  if (number < low || number > highest) return std::nullopt;
  return number;
}

}  // namespace mig_runner::cron

#include "cli/times.h"

#include <fmt/format.h>

#include <utility>

namespace mig_runner::cli {

TimeFormat TimeFormat::in(cron::Zone zone) {
  TimeFormat format;
  format.zone_ = std::move(zone);
  return format;
}

Result<TimeFormat> TimeFormat::choose(bool utc) {
  if (utc) return TimeFormat();
  auto zone = cron::Zone::local();
  if (!zone) return tl::unexpected(zone.error());
  return in(std::move(*zone));
}

std::string TimeFormat::text(Timestamp time) const {
  return zone_ ? zone_->format_local(time) : format_utc(time);
}

std::string span_text(std::chrono::milliseconds span) {
  constexpr std::pair<long long, const char*> kUnits[] = {{86'400, "d"}, {3'600, "h"}, {60, "m"}, {1, "s"}};
  auto seconds = std::chrono::floor<std::chrono::seconds>(std::chrono::abs(span)).count();
  for (std::size_t i = 0; i < std::size(kUnits); ++i) {
    const auto [unit, letter] = kUnits[i];
    if (seconds < unit) continue;
    auto text = fmt::format("{}{}", seconds / unit, letter);
    if (i + 1 == std::size(kUnits)) return text;
    const auto [next_unit, next_letter] = kUnits[i + 1];
    if (const auto rest = seconds % unit / next_unit; rest > 0) text += fmt::format(" {}{}", rest, next_letter);
    return text;
  }
  return "now";
}

std::string relative_text(Timestamp time, Timestamp now) {
  const auto span = span_text(time - now);
  if (span == "now") return span;
  return time > now ? "in " + span : span + " ago";
}

}  // namespace mig_runner::cli

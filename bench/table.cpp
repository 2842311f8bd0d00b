#include "bench/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace mig_bench {
namespace {

std::string with_unit(double value, const char* unit) {
  const int digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
  return fmt::format("{:.{}f} {}", value, digits, unit);
}

}  // namespace

Row compared(std::string work, double measured, double limit, const char* unit, double at_most) {
  const double ratio = measured / limit;
  return {std::move(work),
          with_unit(measured, unit),
          with_unit(limit, unit),
          fmt::format("{:.2f} x", ratio),
          fmt::format("at most {:g} x", at_most),
          ratio <= at_most};
}

Row bounded(std::string work, double measured, const char* unit, double below) {
  return {std::move(work), with_unit(measured, unit), "", "", fmt::format("under {:g} {}", below, unit),
          measured < below};
}

bool print_table(const Rows& rows) {
  std::vector<std::vector<std::string>> lines{{"work", "measured", "limit", "ratio", "target", ""}};
  for (const auto& row : rows)
    lines.push_back({row.work, row.measured, row.limit, row.ratio, row.target, row.ok ? "ok" : "MISS"});
  std::vector<std::size_t> widths(lines.front().size(), 3);
  for (const auto& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) fmt::print("| {:<{}} ", line[i], widths[i]);
    fmt::print("|\n");
    if (&line != &lines.front()) continue;
    for (const auto width : widths) fmt::print("| {:-<{}} ", "", width);
    fmt::print("|\n");
  }
  std::fflush(stdout);
  return std::all_of(rows.begin(), rows.end(), [](const Row& row) { return row.ok; });
}

double percentile(std::vector<double> values, double part) {
  if (values.empty()) return NAN;
  std::sort(values.begin(), values.end());
  const auto place = std::ceil(part * static_cast<double>(values.size())) - 1;
  return values[static_cast<std::size_t>(std::max(place, 0.0))];
}

double median(std::vector<double> values) {
  if (values.empty()) return NAN;
  std::sort(values.begin(), values.end());
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double milliseconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace mig_bench

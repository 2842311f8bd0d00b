#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace mig_bench {

// One line of the table. `measured` and `limit` come from the same run of the program.
struct Row {
  std::string work;
  std::string measured;
  std::string limit;  // empty: the target is a number of its own
  std::string ratio;  // how `measured` stands to `limit`, or the number that the target speaks of
  std::string target;
  bool ok = false;
};
using Rows = std::vector<Row>;

// "value <= target" with both as text.
Row compared(std::string work, double measured, double limit, const char* unit, double at_most);
Row bounded(std::string work, double measured, const char* unit, double below);

// In Markdown. False where a row misses.
bool print_table(const Rows& rows);

double median(std::vector<double> values);
// The value that `part` of them (0 to 1) do not exceed.
double percentile(std::vector<double> values, double part);

double milliseconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to);

}  // namespace mig_bench

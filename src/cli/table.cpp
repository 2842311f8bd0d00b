#include "cli/table.h"

#include <algorithm>
#include <numeric>
#include <ostream>

namespace mig_runner::cli {
namespace {

constexpr int kGap = 2;        // between columns
constexpr int kNarrowest = 8;  // what a flexible column keeps

}  // namespace

void Table::add(std::vector<Cell> cells) {
  for (auto& cell : cells) cell.text = printable(cell.text);
  rows_.push_back(std::move(cells));
}

std::vector<int> Table::widths(int terminal_width) const {
  std::vector<int> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    int widest = display_width(columns_[i].title);
    for (const auto& row : rows_) widest = std::max(widest, display_width(row[i].text));
    widths.push_back(widest);
  }
  if (terminal_width == 0) return widths;
  const int gaps = kGap * static_cast<int>(columns_.size() - 1);
  for (int excess = std::accumulate(widths.begin(), widths.end(), gaps) - terminal_width; excess > 0; --excess) {
    int* widest = nullptr;
    for (std::size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].flexible && (widest == nullptr || widths[i] > *widest)) widest = &widths[i];
    if (widest == nullptr || *widest <= kNarrowest) break;
    --*widest;
  }
  return widths;
}

void Table::print_row(const Streams& streams, const std::vector<Cell>& cells, const std::vector<int>& widths) const {
  std::string line;
  int pending = 0;  // blanks that only count if more follows
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const auto text = shortened(cells[i].text, widths[i]);
    const int blanks = widths[i] - display_width(text);
    if (columns_[i].right) pending += blanks;
    if (!text.empty()) {
      line += std::string(static_cast<std::size_t>(pending), ' ') + styled(text, cells[i].style, streams.colour);
      pending = 0;
    }
    if (!columns_[i].right) pending += blanks;
    pending += kGap;
  }
  streams.out << line << '\n';
}

void Table::leave_out_empty_columns() {
  for (auto i = columns_.size(); i-- > 0;) {
    const auto filled = [&](const std::vector<Cell>& row) { return !row[i].text.empty(); };
    if (!columns_[i].if_any || std::any_of(rows_.begin(), rows_.end(), filled)) continue;
    const auto column = static_cast<std::ptrdiff_t>(i);
    columns_.erase(columns_.begin() + column);
    for (auto& row : rows_) row.erase(row.begin() + column);
  }
}

void Table::print(const Streams& streams) {
  leave_out_empty_columns();
  const auto fitted = widths(streams.width);
  std::vector<Cell> titles;
  for (const auto& column : columns_) titles.emplace_back(column.title, Style::bold);
  print_row(streams, titles, fitted);
  for (const auto& row : rows_) print_row(streams, row, fitted);
}

}  // namespace mig_runner::cli

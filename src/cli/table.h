#pragma once

#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/output.h"

namespace mig_runner::cli {

// Rows under a line of titles, aligned. On a terminal too narrow for them the flexible columns are shortened, the
// widest first; never where the output is no terminal.
class Table {
 public:
  struct Column {
    std::string title;
    bool flexible = false;
    bool right = false;   // numbers
    bool if_any = false;  // left out where no row has anything in it
  };
  struct Cell {
    Cell(std::string the_text, Style the_style = Style::plain) : text(std::move(the_text)), style(the_style) {}
    Cell(const char* the_text) : text(the_text) {}
    std::string text;  // made printable by the table
    Style style = Style::plain;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // As many cells as there are columns.
  void add(std::vector<Cell> cells);
  void print(const Streams& streams);

 private:
  void leave_out_empty_columns();
  std::vector<int> widths(int terminal_width) const;
  void print_row(const Streams& streams, const std::vector<Cell>& cells, const std::vector<int>& widths) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace mig_runner::cli

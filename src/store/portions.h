#pragma once

#include <soci/soci.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>

#include "store/patience.h"
#include "store/postgresql.h"
#include "store/statement.h"

namespace mig_runner::store {

// Goes through many rows with few statements: to a server each is a way there and back.
struct Portions {
  soci::session& session;
  std::size_t at_once;  // rows of one execution
  Patience* patience;   // which each execution has anew; may be null

  // `prepare(statement, rows)` binds cells for so many rows and returns the SQL; `execute(statement, begin, rows)`
  // fills them with the rows from `begin` on and executes it.
  template <class Prepare, class Execute>
  void go(std::size_t count, Prepare prepare, Execute execute) const {
    std::optional<soci::statement> statement;
    std::size_t prepared = 0;
    for (std::size_t begin = 0; begin < count; begin += prepared) {
      if (patience != nullptr) patience->begin(socket_of(session));
      const auto rows = std::min(at_once, count - begin);
      if (rows != prepared) {
        statement.emplace(session);
        const std::string sql = prepare(*statement, rows);
        store::prepare(*statement, sql, rows == count);
        prepared = rows;
      }
      execute(*statement, begin, rows);
    }
  }
};

// "row(0), row(1), ..".
template <class Row>
std::string listed(std::size_t rows, Row row) {
  std::string text;
  for (std::size_t i = 0; i < rows; ++i) text.append(i == 0 ? "" : ", ").append(row(std::to_string(i)));
  return text;
}

}  // namespace mig_runner::store

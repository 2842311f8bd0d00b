#pragma once

#include <soci/soci.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>

#include "store/sql/call_timeout.h"
#include "store/sql/postgresql.h"
#include "store/sql/statement.h"

namespace mig_runner::store {

// A statement that writes rows and the cells that it is bound to, one for each row. Kept for further calls it need not
// be prepared again, which takes longer than to execute it; it ends before its session is closed.
template <class Cell>
struct Rows {
  std::deque<Cell> cells;  // stay where they are when there are more
  std::unique_ptr<soci::statement> statement;
  std::size_t prepared = 0;  // for so many
};

// Goes through many rows with few statements: to a server each is a way there and back.
struct Batches {
  soci::session& session;
  std::size_t at_once;        // rows of one execution
  CallTimeout* call_timeout;  // which each execution has anew; may be null

  // `prepare(statement, rows)` binds the first cells, so many, and returns the SQL; `execute(statement, begin, rows)`
  // fills them with the rows from `begin` on and executes it.
  template <class Cell, class Prepare, class Execute>
  void go(Rows<Cell>& through, std::size_t count, Prepare prepare, Execute execute) const {
    through.cells.resize(std::max(through.cells.size(), std::min(count, at_once)));
    for (std::size_t begin = 0; begin < count; begin += through.prepared) {
      if (call_timeout != nullptr) call_timeout->begin(socket_of(session));
      const auto rows = std::min(at_once, count - begin);
      if (rows != through.prepared) {
        through.statement = std::make_unique<soci::statement>(session);
        const std::string sql = prepare(*through.statement, rows);
        store::prepare(*through.statement, sql, rows == count);
        through.prepared = rows;
      }
      execute(*through.statement, begin, rows);
    }
  }
};

}  // namespace mig_runner::store

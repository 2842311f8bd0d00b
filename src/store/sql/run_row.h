#pragma once

#include <soci/soci.h>

#include <array>
#include <string>

#include "store/run.h"
#include "store/run_columns.h"

namespace mig_runner::store {

bool is_state(long long number);
// The state with the number that a database holds. Throws std::range_error where there is none.
RunState to_state(long long number);

// A run as a statement exchanges it. Bound statements keep pointers into it: it stays where it is.
class RunRow {
 public:
  RunRow() = default;
  RunRow(const RunRow&) = delete;
  RunRow& operator=(const RunRow&) = delete;

  // What SELECT and RETURNING list, in the order of read_from().
  static const std::string& selected();
  // "job, nominal, state, .." and their values, for INSERT INTO runs. `suffix`: tells the rows of one statement apart.
  static const std::string& inserted();
  static std::string inserted_values(const std::string& suffix);
  // "number, state, wake, ..", every column but the run's name and its owner, and values for them, cast since a list
  // of VALUES has no columns' types; and for UPDATE runs SET "state = BEFOREstateBEHIND, ..".
  static const std::string& updated();
  static std::string updated_values(const std::string& suffix);
  static std::string assignments(const std::string& before, const std::string& behind);

  void read_from(soci::statement& statement);
  // Binds inserted_values(), or updated_values().
  void bind_insert(soci::statement& statement, const std::string& suffix);
  void bind_update(soci::statement& statement, const std::string& suffix);

  void set(const Run& run);
  // Why the row can be no run's: no store writes such a name, state, time or number, so somebody else did. Empty: it is
  // one. Its plugin and its result file are judged where they are used.
  std::string problem() const;
  // Of a row without a problem.
  Run run() const;
  // For messages of one that has a problem.
  std::string text() const;
  std::int64_t number() const { return number_; }

 private:
  // Of a column of text or of numbers; only times may be NULL.
  struct Cell {
    long long number = 0;
    std::string text;
    soci::indicator indicator = soci::i_ok;
  };
  void bind_values(soci::statement& statement, const std::string& suffix);

  long long number_ = 0;
  std::string job_;
  soci::indicator job_indicator_ = soci::i_ok;  // null: there is no such job
  long long nominal_ = 0;
  std::array<Cell, kRunColumns.size()> cells_;  // in the order of kRunColumns
};

}  // namespace mig_runner::store

#pragma once

#include <soci/soci.h>

#include <string>
#include <vector>

#include "store/run.h"

namespace mig_runner::store {

// A run as SOCI moves it in and out of a row. Private to the room.
class RunRow {
 public:
  RunRow() = default;
  explicit RunRow(const Run& run);

  // The columns in the order that into() reads them.
  static const char* columns();
  // As placeholders of an INSERT: all but the number, which the database gives.
  static const char* insert();
  // As assignments of an UPDATE.
  static const char* assignments();

  // Binds every column as a result of `statement`; call run() after each fetch.
  void into(soci::statement& statement);
  // Binds every placeholder of insert() or assignments(), each by its column's name.
  void use(soci::statement& statement);

  Run run() const;

 private:
  struct Time {
    long long value = 0;
    soci::indicator indicator = soci::i_null;
    void set(const std::optional<Timestamp>& time);
    std::optional<Timestamp> get() const;
  };

  long long number_ = 0, nominal_ = 0, action_id_ = 0, commands_ = 0, expected_ = 0;
  std::string job_, reason_, plugin_, result_file_;
  int state_ = 0, attempts_ = 0, failures_ = 0, complete_ = 0, recollections_ = 0;
  Time wake_, deadline_, valid_from_, expire_after_, posted_at_, stored_at_, delivered_at_;
};

// Runs a query that selects RunRow::columns(); `parameters` binds its placeholders.
template <class Bind>
std::vector<Run> query_runs(soci::session& session, const std::string& sql, Bind&& bind) {
  RunRow row;
  soci::statement statement(session);
  row.into(statement);
  bind(statement);
  statement.alloc();
  statement.prepare(sql);
  statement.define_and_bind();
  std::vector<Run> runs;
  if (statement.execute(true)) {
    do runs.push_back(row.run());
    while (statement.fetch());
  }
  return runs;
}

}  // namespace mig_runner::store

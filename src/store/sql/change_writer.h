#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>

#include "store/claims.h"
#include "store/sql/batches.h"
#include "store/sql/documents.h"
#include "store/sql/run_row.h"

namespace mig_runner::store {

// Writes changes of runs. After a failure, and before its session is closed, it is to be destroyed.
class ChangeWriter {
 public:
  // Of runs that are claimed by `owner`, which outlives the writer and may change; by nobody where it is null.
  explicit ChangeWriter(const std::string* owner) : owner_(owner) {}

  // Returns the first of them that found no run as it expects it, null where all are written: the caller gives up the
  // transaction otherwise. No two are of the same run. Throws what SOCI throws.
  const Change* write(const Batches& batches, std::span<const Change> changes);

 private:
  struct Cell {
    RunRow row;
    int from = 0;
    int keep_claim = 0;
  };
  std::set<std::int64_t> update(const Batches& batches, std::span<const Change> changes);

  const std::string* owner_;
  long long updated_ = 0;
  Rows<Cell> runs_;
  DocumentWriter documents_;
};

}  // namespace mig_runner::store

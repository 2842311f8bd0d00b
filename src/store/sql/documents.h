#pragma once

#include <soci/soci.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/run.h"
#include "store/sql/batches.h"

namespace mig_runner::store {

// The kinds of what stands in the table `documents`; databases hold these numbers, and may hold others.
enum class DocumentKind { signature = 1, action = 2 };

struct Document {
  std::int64_t run;  // its number
  DocumentKind kind;
  std::string_view content;
};

// After a failure, and before its session is closed, it is to be destroyed. Throws what SOCI throws.
class DocumentWriter {
 public:
  // A signature is added to those that the run has; what is of another kind replaces what was there. No two of a run
  // are of the same kind.
  void keep(const Batches& batches, std::span<const Document> documents);
  // All that these runs have.
  void drop(const Batches& batches, std::span<const std::int64_t> runs);

 private:
  struct Cell {
    long long run = 0;
    int kind = 0;
    std::string content;
  };
  Rows<Cell> kept_;
  Rows<long long> dropped_;
};

// In the order in which they were kept. Throws what SOCI throws.
std::vector<std::string> read_documents(soci::session& session, const Run& run, DocumentKind kind);

}  // namespace mig_runner::store

#pragma once

#include <soci/soci.h>

#include "store/sql/schema.h"

namespace mig_runner::store {

// A transaction: rolled back unless committed.
class Transaction {
 public:
  Transaction(soci::session& session, const Dialect::Begin& begin);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();
  // To a server: then tells other processes, only now that there is something to see, with the same message.
  void commit_and_tell();

 private:
  soci::session& session_;
  bool open_ = true;
};

}  // namespace mig_runner::store

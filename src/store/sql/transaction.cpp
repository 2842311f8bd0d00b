#include "store/sql/transaction.h"

#include <exception>

namespace mig_runner::store {

Transaction::Transaction(soci::session& session, const Dialect::Begin& begin) : session_(session) {
  for (const auto* statement : begin)
    if (statement != nullptr) session_ << statement;
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    session_.rollback();
  } catch (const std::exception&) {
    // SQLite rolls some failures back by itself and then says that there is nothing to roll back; a server does so when
    // the connection is lost.
  }
}

void Transaction::commit() {
  session_.commit();
  open_ = false;
}

void Transaction::commit_and_tell() {
  session_ << "COMMIT; SELECT nextval('changes')";
  open_ = false;
}

}  // namespace mig_runner::store

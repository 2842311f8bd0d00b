#pragma once

#include <soci/soci.h>

#include <string>

#include "store/run_row.h"
#include "store/run_store.h"
#include "store/store_impl.h"

namespace mig_runner::store {

// Writes changes of runs by statements that are prepared once, which takes longer than to carry them out. Throws what
// SOCI throws and is not to be used after that. Ends before its session.
class ChangeWriter {
 public:
  // `whose`: a condition on the column owner. It may name :owner, and the statements then set it to `owner`.
  ChangeWriter(soci::session& session, const std::string& whose, const std::string& owner);
  ChangeWriter(const ChangeWriter&) = delete;
  ChangeWriter& operator=(const ChangeWriter&) = delete;

  // False where no run is as the change and the condition expect it.
  bool apply(const Change& change, Effects& effects);

 private:
  void prepare_update(soci::statement& statement, const std::string& whose, bool keep_claim);
  void keep_documents(const Change& change);

  std::string owner_;
  bool names_owner_;
  RunRow row_;
  int from_ = 0;
  soci::statement keeping_claim_, ending_claim_;

  long long run_ = 0;
  int kind_ = 0;
  std::string content_;
  soci::statement replace_document_, add_signature_, drop_documents_;
};

}  // namespace mig_runner::store

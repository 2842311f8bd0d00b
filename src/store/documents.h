#pragma once

#include <soci/soci.h>

#include <string>
#include <vector>

#include "store/run_store.h"

namespace mig_runner::store {

// The kinds of what stands in the table `documents`; databases hold these numbers.
enum class DocumentKind { signed_action = 0, signature = 1, action = 2 };

// The action of a new run.
void keep_action(soci::session& session, const Run& run, const std::string& text);
// In the order in which they were kept.
std::vector<std::string> read_documents(soci::session& session, const Run& run, DocumentKind kind);

}  // namespace mig_runner::store

#pragma once

#include <soci/soci.h>

#include <string>
#include <vector>

#include "store/run_store.h"

namespace mig_runner::store {

// The kinds of what stands in the table `documents`; databases hold these numbers.
enum class DocumentKind { signed_action = 0, signature = 1, action = 2 };

void keep_document(soci::session& session, const Run& run, DocumentKind kind, const std::string& text);
// What `change` says of its run's documents.
void keep_documents(soci::session& session, const Change& change);
// In the order in which they were kept.
std::vector<std::string> read_documents(soci::session& session, const Run& run, DocumentKind kind);

}  // namespace mig_runner::store

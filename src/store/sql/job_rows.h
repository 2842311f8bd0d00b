#pragma once

#include <set>
#include <string>

#include "store/sql/batches.h"

namespace mig_runner::store {

// Sees to it that each job has a row: runs and members name it by that. Throws what SOCI throws.
void add_jobs(const Batches& batches, const std::set<std::string>& jobs);

}  // namespace mig_runner::store

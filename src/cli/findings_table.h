#pragma once

#include <vector>

#include "cli/table.h"
#include "results/findings.h"

// Findings as a table. Private to the room.
namespace mig_runner::cli {

Table findings_table();
std::vector<Table::Cell> finding_cells(const results::Finding& finding, const results::AgentNames& names);

}  // namespace mig_runner::cli

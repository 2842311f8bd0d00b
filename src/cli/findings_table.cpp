#include "cli/findings_table.h"

namespace mig_runner::cli {

Table findings_table() {
  return Table({{"AGENT", true}, {"MODULE"}, {"SEARCH", true}, {"FOUND", true}});
}

std::vector<Table::Cell> finding_cells(const results::Finding& finding, const results::AgentNames& names) {
  return {names.shown(finding.agent), finding.module, finding.search, finding.what};
}

}  // namespace mig_runner::cli

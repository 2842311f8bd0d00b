#include "base/names.h"
#include "fuzz/target.h"
#include "results/result_document.h"
#include "stages/run_files.h"

namespace mig_runner::fuzz {

FUZZ_TARGET(inflight) {
  const auto record = results::parse_inflight(bytes);
  if (!record) return require(!record.error().what.empty(), "a refusal says why");
  require(record->action_id > 0, "a record has an action's id");
  store::Run run;
  run.plugin = record->plugin;
  const auto plugin = stages::plugin_of(run, nullptr);
  require(!plugin || plugin_name_problem(*plugin).empty(), "a plugin lies in plugins/");
  require(!results::result_head(record->action_json).empty(), "a record can be written on");
}

}  // namespace mig_runner::fuzz

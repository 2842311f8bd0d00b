#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/names.h"
#include "fuzz/target.h"
#include "stages/run_files.h"
#include "store/run_store.h"

namespace mig_runner::fuzz {
namespace {

const std::filesystem::path& scratch() {
  static const auto path = std::filesystem::temp_directory_path() / ("mig-fuzz-store-" + std::to_string(getpid()));
  return path;
}

// Whatever a row says, no other program is run and no other file is touched.
void require_harmless(const store::Run& run) {
  require(job_name_problem(run.job).empty(), "a run's job has a name that a job may have");
  const std::filesystem::path tree = "/tree";
  if (const auto plugin = stages::plugin_of(run, nullptr))
    require(plugin_name_problem(*plugin).empty(), "a plugin lies in plugins/");
  if (const auto file = stages::result_path(tree, run)) {
    const auto inside = file->whole().lexically_normal().string();
    require(inside.starts_with("/tree/runners/" + run.job + "/results/"), "a result file lies in its job's results/");
  }
}

}  // namespace

// Bytes that somebody left as runs.db: they are set aside, refused or work, and whatever works can plan and claim.
FUZZ_TARGET(store) {
  std::error_code ignored;
  std::filesystem::remove_all(scratch(), ignored);
  std::filesystem::create_directories(scratch());
  const auto path = scratch() / "runs.db";
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  const auto now = parse_rfc3339("2026-11-23T08:00:00Z").value();
  const auto opened = store::RunStore::open(path, "fuzz", now);
  if (!opened) return require(!opened.error().what.empty(), "a refusal says why");
  store::Run run;
  run.job = "disk";
  run.nominal = now;
  run.wake = now;
  if (opened->store->add({&run, 1})) {
    const auto claimed = opened->store->claim(std::array{store::RunState::due}, now, 1000);
    require(!claimed || !claimed->empty(), "what was planned can be claimed");
  }
  if (const auto history = opened->store->history("", 1000))
    for (const auto& known : *history) require_harmless(known);
  if (!opened->set_aside.empty())
    require(std::filesystem::file_size(opened->set_aside) == bytes.size(), "what is set aside is as it was");
}

}  // namespace mig_runner::fuzz

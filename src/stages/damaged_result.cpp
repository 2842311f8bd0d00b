#include "stages/damaged_result.h"

#include "results/result_file.h"
#include "stages/run_files.h"

namespace mig_runner::stages {
namespace {

// It is collected as if it never had been: its failures are then those of reading.
void forget_result_file(store::Run& run) {
  run.result_file.clear();
  run.failures = 0;
}

}  // namespace

Result<void> set_result_aside(const StageContext& context, store::Run& run, const std::string& why) {
  const auto path = result_path(context.settings.directory, run);
  if (!path) return tl::unexpected(path.error());
  const auto aside = path->with(".damaged");
  const auto moved = rename_below(*path, aside.relative.filename());
  if (!moved) return fail(why + ", and it cannot be set aside: " + moved.error().text());
  context.log.error(run.name() + ": " + why + "; set aside as " + aside.whole().string() +
                    "; collecting its results again");
  forget_result_file(run);
  return {};
}

Result<bool> keep_whole_result(const StageContext& context, store::Run& run) {
  const auto path = result_path(context.settings.directory, run);
  if (!path) return tl::unexpected(path.error());
  const auto whole = results::check_result_file(*path);
  if (whole && *whole) return true;
  if (!whole && whole.error().retry == Retry::later) return tl::unexpected(whole.error());
  if (!whole) {
    if (auto aside = set_result_aside(context, run, whole.error().text()); !aside) return tl::unexpected(aside.error());
    return false;
  }
  if (!run.collected_by.empty() && run.collected_by != store::tree_of(context.store.group())) {
    context.log.notice(run.name() + ": its results lie on " + run.collected_by + "; collecting them again");
  } else {
    context.log.error(run.name() + ": its result file " + path->whole().string() +
                      " is gone; collecting its results again");
  }
  forget_result_file(run);
  return false;
}

}  // namespace mig_runner::stages

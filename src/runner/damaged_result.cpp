#include "runner/damaged_result.h"

#include "runner/result_writer.h"

namespace mig_runner::runner {
namespace {

// It is collected as if it never had been: its failures are then those of reading.
void forget_result_file(store::Run& run) {
  run.result_file.clear();
  run.failures = 0;
}

}  // namespace

Result<void> set_result_aside(const StageContext& context, store::Run& run, const std::string& why) {
  const auto path = context.settings.directory / run.result_file;
  const auto aside = path.string() + ".damaged";
  std::error_code error;
  std::filesystem::rename(path, aside, error);
  if (error) return fail(why + ", and it cannot be set aside: " + error.message());
  context.log.error(run.name() + ": " + why + "; set aside as " + aside + "; collecting its results again");
  forget_result_file(run);
  return {};
}

Result<bool> keep_whole_result(const StageContext& context, store::Run& run) {
  const auto path = context.settings.directory / run.result_file;
  const auto whole = check_result_file(path);
  if (whole) return true;
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    if (auto aside = set_result_aside(context, run, whole.error().text()); !aside) return tl::unexpected(aside.error());
    return false;
  }
  if (!run.collected_by.empty() && run.collected_by != context.store.tree()) {
    context.log.notice(run.name() + ": its results lie on " + run.collected_by + "; collecting them again");
  } else {
    context.log.error(run.name() + ": " + whole.error().text() + "; collecting its results again");
  }
  forget_result_file(run);
  return false;
}

}  // namespace mig_runner::runner

#include "runner/damaged_result.h"

#include "runner/result_writer.h"

namespace mig_runner::runner {

Result<bool> keep_whole_result(const StageContext& context, store::Run& run) {
  const auto path = context.settings.directory / run.result_file;
  const auto whole = check_result_file(path);
  if (whole) return true;
  std::string message = run.name() + ": " + whole.error().text();
  std::error_code error;
  const bool there = std::filesystem::exists(path, error);
  if (!there && !run.collected_by.empty() && run.collected_by != context.store.tree()) {
    context.log.notice(run.name() + ": its results lie on " + run.collected_by + "; collecting them again");
    run.result_file.clear();
    return false;
  }
  if (there) {
    const auto aside = path.string() + ".damaged";
    std::filesystem::rename(path, aside, error);
    if (error) return fail(whole.error().text() + ", and it cannot be set aside: " + error.message());
    message += "; set aside as " + aside;
  }
  context.log.error(message + "; collecting its results again");
  run.result_file.clear();
  return false;
}

}  // namespace mig_runner::runner

#include "stages/unrecorded_results.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "results/result_file.h"
#include "stages/retry_pause.h"
#include "stages/run_files.h"

namespace mig_runner::stages {

Timestamp UnrecordedResults::collect(Timestamp now, Timestamp again) {
  const auto group_now = context_.group_time(now);
  auto launch = context_.launches.take_due(group_now);
  if (!launch) {
    const auto next = context_.launches.next();
    return next ? std::min(again, now + (*next - group_now)) : again;
  }
  auto file = file_of(launch->run);
  auto fetched = fetch(*launch, file);
  now = clock_.now();
  if (fetched) {
    context_.log.info(launch->run.name() + ": " + std::to_string(fetched->commands) + " collected into " +
                      file.whole().string() + ", to be recorded when the database is back");
    context_.launches.collected(launch->run, std::move(*fetched));
    return now;
  }
  auto& run = launch->run;
  const auto pause = retry_pause(kCollectPauses, ++run.attempts, run.name());
  const auto again_at = next_try(now, pause, fetched.error(), run.deadline);
  run.wake = context_.group_time(again_at);
  context_.outages.collecting.failed(context_.log, log::Level::warning, run.name(),
                                     run.name() + ": not collected, next try (while nothing can be recorded) at " +
                                         format_utc(again_at) + ": " + fetched.error().text(),
                                     Outage::End::tried_again);
  context_.launches.put_back(std::move(*launch));
  return now;
}

PathBelow UnrecordedResults::file_of(const store::Run& run) const {
  const auto directory = context_.settings.unrecorded_results();
  return {directory.parent_path(),
          directory.filename() / (std::to_string(run.action_id) + ".json" +
                                  (context_.settings.compress_results ? std::string(results::kCompressedEnding) : ""))};
}

// Whole or not at all: what is short, or was not sent to anybody, is left to the time when that can be written down.
Result<OwnLaunches::Collected> UnrecordedResults::fetch(const OwnLaunches::Launch& launch, const PathBelow& file) {
  const auto status = api_.action_status(launch.run.action_id);
  if (!status) return tl::unexpected(status.error());
  if (status->sent == 0) return fail("the API has not sent it to any agent (status " + status->status + ")");
  if (status->done < status->sent)
    return fail(std::to_string(status->done) + " of " + counted(status->sent, "command") + " have ended");
  auto collection = Collection::begin(file, launch.action.empty() ? status->json : launch.action, false);
  if (!collection) return tl::unexpected(collection.error());
  const auto reading = read_commands(api_, context_.settings, launch.run, status->sent, *collection);
  if (reading.disk_error) return tl::unexpected(*reading.disk_error);
  if (reading.api_error) return tl::unexpected(*reading.api_error);
  const auto contents = contents_of(*collection, *status, reading, clock_.now());
  if (!contents.complete) return fail(contents.reason);
  if (auto finished = collection->finish(launch.run.job, launch.run.plugin); !finished)
    return tl::unexpected(finished.error());
  return OwnLaunches::Collected{file, contents.commands, contents.collected_at, contents.reason};
}

std::optional<UnrecordedResults::Taken> UnrecordedResults::take(const store::Run& run, Timestamp now) {
  const auto collected = context_.launches.take_collected(run.number);
  if (!collected) return std::nullopt;
  auto file = run;
  file.result_file = new_result_file(run, results::is_compressed_result(collected->file.relative), now);
  const auto path = result_path(context_.settings.directory, file);
  const auto moved = path.and_then([&](const PathBelow& to) -> Result<void> {
    const auto whole = results::check_result_file(collected->file);
    if (!whole) return tl::unexpected(whole.error());
    if (!*whole) return fail("it is gone", collected->file.whole());
    return move_file_below(collected->file, to);
  });
  if (!moved) {
    context_.log.warning(
        run.name() + ": what was collected while nothing could be recorded cannot be used: " + moved.error().text());
    return std::nullopt;
  }
  const auto level = collected->reason.empty() ? log::Level::info : log::Level::warning;
  return Taken{file.result_file,
               {collected->commands, collected->commands, true, collected->reason, level, collected->at}};
}

}  // namespace mig_runner::stages

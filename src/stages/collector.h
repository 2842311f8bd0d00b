#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/api_client.h"
#include "stages/readiness.h"
#include "stages/reading.h"
#include "stages/recorder.h"
#include "stages/stage_context.h"
#include "stages/unrecorded_results.h"

namespace mig_runner::stages {

// Fetches the results of launched actions into result files. A result is complete when every command of its action is
// in it with a final status; one that is not is said to be incomplete, with what is missing. A failure of the API is
// tried again until the job's collectdeadline, one of the disk until it is mended. While the database of a group is
// away, what this member launched is fetched all the same, and recorded when it is back. One thread at a time; several
// collectors share a store.
class Collector {
 public:
  // `shares` of all collectors; null: there is one.
  Collector(const StageContext& context, std::unique_ptr<api::ApiClient> api, const Clock& clock,
            JobShares* shares = nullptr);

  // Looks after one run that is ready. Returns when it wants to be called next; nullopt where nothing waits.
  std::optional<Timestamp> step(Timestamp now);

 private:
  void handle(store::Run run, Timestamp now);
  void follow(store::Run run, const Readiness::Decision& decision);
  void collect(store::Run run, const api::ActionStatus& status, Timestamp now);
  bool keep_unrecorded(const store::Run& run, Timestamp now);
  void keep(store::Run run, const std::string& file, const Contents& contents);
  void take_plugin_of_job(store::Run& run) const;
  void drop_file(const store::Run& run);
  Result<void> announce_change(store::Run& run);
  void settle_again(store::Run run, const Contents& contents, Timestamp now);
  void settle_as_it_was(store::Run run, Timestamp now);
  void wait(store::Run run, std::string reason, Timestamp wake);
  void retry_api(store::Run run, const Error& error, Timestamp now);
  void retry_disk(store::Run run, const Error& error, Timestamp now);
  void finish(store::Run run, store::RunState state, std::string reason);
  void end(store::Run run, store::RunState state, std::string reason);

  const StageContext& context_;
  std::unique_ptr<api::ApiClient> api_;
  const Clock& clock_;
  Recorder recorder_;
  Readiness readiness_;
  UnrecordedResults unrecorded_;
};

}  // namespace mig_runner::stages

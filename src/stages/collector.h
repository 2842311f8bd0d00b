#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_client.h"
#include "stages/own_launches.h"
#include "stages/recorder.h"
#include "stages/stage_context.h"

namespace mig_runner::stages {

class Collection;

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
  // What reading an action's commands came to.
  struct Reading {
    std::optional<Error> api_error;
    std::optional<Error> disk_error;
    std::vector<api::UnreadableCommand> unreadable;
  };
  // The fields of a run that describe its result file.
  struct Contents {
    std::int64_t commands = 0, expected = 0;
    bool complete = false;
    std::string reason;  // a remark on it, or empty
    log::Level level = log::Level::info;
    Timestamp collected_at{};
  };

  void handle(store::Run run, Timestamp now);
  bool ready_to_collect(store::Run& run, const api::ActionStatus& status, Timestamp now);
  bool has_begun(store::Run& run, const api::ActionStatus& status, Timestamp now);
  void look_at_target(store::Run& run, const std::string& target, Timestamp now, std::string_view told = {});
  bool is_refused_again(store::Run& run, const std::string& target, Timestamp now);
  Timestamp next_look(const store::Run& run, const api::ActionStatus& status, Timestamp now) const;
  Timestamp ready_at(const store::Run& run) const;
  bool collects_when_completed(const store::Run& run) const;

  void collect(store::Run run, const api::ActionStatus& status, Timestamp now);
  bool wait_for_answers(store::Run& run, const api::ActionStatus& status, const Collection& collection,
                        const std::vector<api::UnreadableCommand>& unreadable, Timestamp now);
  Reading read_all(const store::Run& run, std::int64_t expected, Collection& collection);
  Contents contents_of(const Collection& collection, const api::ActionStatus& status, const Reading& reading) const;
  void keep(store::Run run, const std::string& file, const Contents& contents);
  void take_plugin_of_job(store::Run& run) const;
  void drop_file(const store::Run& run);
  std::string new_result_file(const store::Run& run, bool compressed, Timestamp now) const;

  // While the database is away: fetches what this member launched. `again`: when to ask the database next.
  std::optional<Timestamp> collect_unrecorded(Timestamp now, Timestamp again);
  Result<OwnLaunches::Collected> fetch_unrecorded(const OwnLaunches::Launch& launch, const PathBelow& file);
  PathBelow unrecorded_file(const store::Run& run) const;
  bool keep_unrecorded(store::Run& run, Timestamp now);

  Result<void> announce_change(store::Run& run);
  void settle_again(store::Run run, const Contents& contents, Timestamp now);
  void settle_as_it_was(store::Run run, Timestamp now);
  // `pauses`: how many there were before this one, each longer than the last.
  void come_back_soon(store::Run run, const std::string& why, int pauses, Timestamp now);
  void wait(store::Run run, std::string reason, Timestamp wake);
  void retry_api(store::Run run, const Error& error, Timestamp now);
  void retry_disk(store::Run run, const Error& error, Timestamp now);
  void finish(store::Run run, store::RunState state, std::string reason);
  void end(store::Run run, store::RunState state, std::string reason);

  const StageContext& context_;
  std::unique_ptr<api::ApiClient> api_;
  const Clock& clock_;
  Recorder recorder_;
  std::map<std::string, Timestamp> good_targets_;  // that the API could use, and when
};

}  // namespace mig_runner::stages

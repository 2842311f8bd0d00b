#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_client.h"
#include "stages/stage_context.h"
#include "stages/tally.h"

namespace mig_runner::stages {

// Decides whether an action's results can be collected yet, from what the API says of the action and of its commands. A
// decision also counts the looks in the run (`failures`, `attempts`), which the caller records with it. For runs that
// have no result file. One thread at a time.
class Readiness {
 public:
  struct Decision {
    enum class Kind { collect, look_again, end };
    Kind kind = Kind::collect;
    std::string reason;                                // of look_again (may be empty) and end
    Timestamp wake{};                                  // of look_again
    store::RunState state = store::RunState::invalid;  // of end
  };

  // Both outlive this.
  Readiness(const StageContext& context, api::ApiClient& api) : context_(context), api_(api) {}

  // Before the commands are read.
  Decision before_reading(store::Run& run, const api::ActionStatus& status, Timestamp now);
  // After they were read: look_again while some of the answers may still come.
  Decision after_reading(store::Run& run, const api::ActionStatus& status, const Tally& tally,
                         const std::vector<api::UnreadableCommand>& unreadable, Timestamp now) const;

 private:
  Decision before_it_is_due(store::Run& run, const api::ActionStatus& status, Timestamp now);
  Decision not_sent(store::Run& run, const api::ActionStatus& status, Timestamp now);
  Decision look_soon(store::Run& run, const std::string& why, int pauses, Timestamp now) const;
  void look_at_target(store::Run& run, const std::string& target, Timestamp now, std::string_view told = {});
  bool is_refused_again(store::Run& run, const std::string& target, Timestamp now);
  Timestamp next_look(const store::Run& run, const api::ActionStatus& status, Timestamp now) const;
  Timestamp due_at(const store::Run& run) const;
  bool collects_when_completed(const store::Run& run) const;

  const StageContext& context_;
  api::ApiClient& api_;
  std::map<std::string, Timestamp> good_targets_;  // that the API could use, and when
};

}  // namespace mig_runner::stages

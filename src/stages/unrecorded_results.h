#pragma once

#include <optional>
#include <string>

#include "api/api_client.h"
#include "stages/own_launches.h"
#include "stages/reading.h"
#include "stages/stage_context.h"

namespace mig_runner::stages {

// Results that are collected while the database of a group is away: of this member's own launches, whole or not at all,
// into state/collected, until they can be recorded. One thread at a time.
class UnrecordedResults {
 public:
  // All outlive this.
  UnrecordedResults(const StageContext& context, api::ApiClient& api, const Clock& clock)
      : context_(context), api_(api), clock_(clock) {}

  // While the database is away: fetches one launch that is due. `again`: when to ask the database next. Returns when to
  // call next.
  Timestamp collect(Timestamp now, Timestamp again);

  struct Taken {
    std::string result_file;  // as in store::Run
    Contents contents;
  };
  // The database is back: moves what was collected of `run` to where its result belongs. nullopt where there is nothing
  // of use: the run is collected as any other then.
  std::optional<Taken> take(const store::Run& run, Timestamp now);

 private:
  Result<OwnLaunches::Collected> fetch(const OwnLaunches::Launch& launch, const PathBelow& file);
  PathBelow file_of(const store::Run& run) const;

  const StageContext& context_;
  api::ApiClient& api_;
  const Clock& clock_;
};

}  // namespace mig_runner::stages

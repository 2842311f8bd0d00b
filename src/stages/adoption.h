#pragma once

#include <compare>
#include <map>
#include <set>
#include <string>

#include "base/path_below.h"
#include "stages/stage_context.h"

namespace mig_runner::stages {

// Takes over what an original runner left in runners/JOB/inflight/: each action that was launched and not collected
// becomes a posted run. Files stay until their results are stored. A record whose content is no action's is set aside
// as NAME.damaged with one message. One thread: the loop's.
class Adoption {
 public:
  // Looks at the records of all jobs, as at a start. Returns how many were taken over. What cannot be read or taken
  // over now is told once, and its end once.
  int look_at_all(const StageContext& context, Timestamp now);
  // Looks at what the last look left.
  int look_again(const StageContext& context, Timestamp now);
  // Whether the last look left something that a later one may take over.
  bool is_left() const { return !left_.empty(); }

 private:
  // A record of a job; without a record all of the job's, without a job those of all jobs.
  struct Place {
    std::string job, record;
    auto operator<=>(const Place&) const = default;
  };
  using Left = std::map<Place, std::string>;  // with the reason

  int look(const StageContext& context, const Left& places, Timestamp now);
  int look_at(const StageContext& context, const Place& place, Timestamp now);
  void tell(const StageContext& context);
  static PathBelow path_of(const StageContext& context, const Place& place);

  Left left_;
  std::set<Place> told_;
  bool store_failed_ = false;  // in this look
};

}  // namespace mig_runner::stages

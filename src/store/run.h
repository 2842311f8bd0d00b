#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"

namespace mig_runner::store {

// One nominal time of one job. docs/design.md draws the states.
// The numbers stand in stores: never reorder, add at the end.
enum class RunState {
  due,             // to be launched at `wake`
  signed_,         // its signature is stored and the action may be on its way ("signed" towards people)
  unknown,         // its answer was lost: the API is asked at `wake` whether it has the action
  posted,          // accepted; collected at `wake`
  stored,          // the result file is complete; delivered at `wake`, or kept where there is no plugin (no wake)
  delivered,       // the plugin exited 0
  sent,            // sendonly: ends here
  refused,         // the API refused the action
  missed,          // startdeadline passed, or it was not planned at its time
  skipped,         // not launched on purpose (overlap, disabled, paused)
  invalid,         // the API could not use the target, or never sent the action to an agent
  collect_failed,  // collectdeadline passed
  undeliverable,   // the plugin failed again pluginretries times after the first
};

std::string_view state_name(RunState state);
std::optional<RunState> state_from_name(std::string_view name);

// What is known of a run. Times are absent until they happened.
struct Run {
  std::int64_t number = 0;  // the store's own key
  std::string job;
  Timestamp nominal{};
  RunState state = RunState::due;
  std::optional<Timestamp> wake;      // when the stage that owns this state wants it next; none: nothing to do
  std::optional<Timestamp> deadline;  // due, signed, unknown: launch before; posted: collect before
  int attempts = 0;                   // tries that failed; back to 0 with each step that succeeds
  int failures = 0;    // those that count: posted: looks that found answers missing; stored: towards pluginretries
  std::string reason;  // last failure, why it ended, or what there is to say of its results

  std::string plugin;  // file name, or empty
  std::int64_t action_id = 0;
  std::optional<Timestamp> valid_from;
  std::optional<Timestamp> expire_after;
  std::optional<Timestamp> posted_at;
  std::optional<Timestamp> stored_at;
  std::optional<Timestamp> delivered_at;
  std::string result_file;    // relative to the runner's directory
  std::int64_t commands = 0;  // in the result file
  std::int64_t expected = 0;  // the action's counter `sent` when it was collected
  bool complete = false;      // every command is in it, with a final status
  int recollections = 0;      // further collections of an incomplete result

  // In a group: whose deed each was, by the tree it works on (Group::tree). Else empty. The result file lies in the
  // tree of collected_by.
  std::string launched_by, collected_by, delivered_by;

  // Of a run that RunStore::claim() returned: which claim it was. Not in the database.
  std::uint64_t claim = 0;

  // "JOB@2026-11-23T08:00:00Z", how people name it.
  std::string name() const;
};

// The inverse of Run::name().
std::optional<std::pair<std::string, Timestamp>> parse_run_name(std::string_view name);

}  // namespace mig_runner::store

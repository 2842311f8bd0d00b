#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "sandbox/fleet/agent_table.h"
#include "sandbox/fleet/fleet.h"
#include "sandbox/store/store.h"

namespace mig_sandbox {

// Gives the numbers of actions, commands and answers: each higher than the last, below 2^53. Safe from any thread.
class Ids {
 public:
  explicit Ids(std::int64_t first) : next_(first) {}
  // The first of `count` numbers in a row.
  std::int64_t take(std::int64_t count = 1) { return next_.fetch_add(count); }

 private:
  std::atomic<std::int64_t> next_;
};

// What the API and the scheduler work on. Its owner keeps all of it alive.
struct World {
  const mig_runner::Clock& clock;
  Store& store;
  AgentTable& agents;
  const Fleet& fleet;
  Ids& ids;
};

}  // namespace mig_sandbox

#pragma once

#include <cstdint>

namespace mig_sandbox {

// How many simulated agents there are and how they behave; the rates are parts of 1.
struct FleetOptions {
  int agents = 0;
  std::uint64_t seed = 1;
  double away = 0.08;    // idle, offline or destroyed
  double late = 0.02;    // answers from shortly before to 20 s after the action's expiry
  double failed = 0.02;  // answers with status failed or timeout
  double silent = 0.02;  // never answers
  double speed = 1;      // divides how long the others take to answer
};

}  // namespace mig_sandbox

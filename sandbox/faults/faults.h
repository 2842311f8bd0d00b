#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "sandbox/base/dice.h"

namespace mig_sandbox {

enum class FaultKind {
  internal_error,  // "500": refused before anything is done
  unauthorized,    // "401": the same
  html,            // a proxy's page instead of an answer; nothing is done
  html_after,      // done, and a proxy's page instead of the answer
  latency,         // the request waits before it is handled
  hang,            // no answer until the client or the server goes; nothing is done
  reset_before,    // connection reset, nothing is done
  reset_inside,    // done, connection reset in the middle of the answer
  reset_after,     // done and answered, then reset: the next request on this connection fails
  answer_lost,     // done, connection reset without an answer
  cut_json,        // done, the answer's document ends early and looks complete by its HTTP
  broken_json,     // done, a part of the answer's document is garbage
  unstable_pages,  // rows with the same time come in another order each time: pages overlap
  exponent_ids,    // ids are written as 2.9426359271548e+13
  // Those that follow hit posts of actions only.
  stored_500,    // the action is stored, its signature is not: 500
  orphan,        // the same, but accepted
  other_action,  // stored, and another action in the answer
  preparing,     // half of the commands at first, the rest after `delay`
  late_answers,  // all agents but the first answer `delay` after the expiry
  deep_answer,   // the first agent's answer nests `size` deep
  huge_answer,   // the first agent's answer has `size` bytes
};

// A fault on demand: of the requests that fit, a part (`rate`) is hit, `count` of them at most.
struct Fault {
  FaultKind kind = FaultKind::internal_error;
  double rate = 1;
  std::int64_t count = -1;             // -1: no limit
  std::string path;                    // part of "METHOD /path?query"; empty: every request
  std::chrono::milliseconds delay{0};  // these only for kinds that have them, with a default of their own
  std::int64_t size = 0;
  int status = 0;

  // "latency:rate=0.5,count=3,path=search,delay=2s"; `path` may hold anything but a comma.
  static mig_runner::Result<Fault> parse(std::string_view text);
  // The form parse() reads.
  std::string text() const;
};
std::string_view fault_name(FaultKind kind);

// The faults in force. Safe from any thread.
class Faults {
 public:
  explicit Faults(std::uint64_t seed) : dice_(mix(seed)) {}

  struct Entry {
    std::int64_t id = 0;
    Fault fault;  // its count goes down
    std::int64_t hits = 0;
  };
  std::int64_t add(const Fault& fault);
  bool remove(std::int64_t id);
  void clear();
  std::vector<Entry> list();

  // What happens to one request; takes it off the counts.
  struct Mishap {
    std::chrono::milliseconds delay{0};
    std::uint64_t shuffle = 0;  // not 0: unstable pages
    bool exponent_ids = false;
    std::optional<Fault> fault;  // any other

    bool is(FaultKind kind) const { return fault && fault->kind == kind; }
  };
  Mishap choose(std::string_view request_line);

 private:
  mig_runner::Mutex mutex_;
  Dice dice_ GUARDED_BY(mutex_);
  std::int64_t next_id_ GUARDED_BY(mutex_) = 1;
  std::vector<Entry> entries_ GUARDED_BY(mutex_);
};

}  // namespace mig_sandbox

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "base/path_below.h"
#include "store/run_store.h"

namespace mig_runner::stages {

// What this member of a group launched and nobody has collected yet: kept in memory, so that it can be collected while
// the database is away, and the results that were collected so, which wait in state/collected to be recorded.
// Collecting only reads from the API, so it needs no lease; what becomes of a run is still decided by a claim once the
// database is back. Always empty without a group. Safe from any thread.
class OwnLaunches {
 public:
  OwnLaunches() = default;
  // Removes the results that still wait: nothing would know of them, and who collects the runs reads the API again.
  ~OwnLaunches();
  OwnLaunches(const OwnLaunches&) = delete;
  OwnLaunches& operator=(const OwnLaunches&) = delete;

  struct Launch {
    store::Run run;  // `wake`: when to collect it by the group's clock, `attempts`: tries while the database is away
    std::string action;  // as the API accepted it
  };
  struct Collected {
    PathBelow file;
    std::int64_t commands = 0;  // all that the API counts
    Timestamp at{};
    std::string reason;  // a remark on it, or empty
  };

  // An accepted run, to be collected at `ready`.
  void put(store::Run run, std::string action, Timestamp ready);
  // Whoever calls is about to record what became of the run. Removes a result that waits for it.
  void forget(std::int64_t number);
  // A result that waits to be recorded; its file is the caller's from now on.
  std::optional<Collected> take_collected(std::int64_t number);

  // While the database is away: a launch that is due, whose results are not there yet and which no thread has in hand;
  // to be given back or reported as collected.
  std::optional<Launch> take_due(Timestamp now);
  void put_back(Launch launch);
  void collected(const store::Run& run, Collected result);
  // When the next of them is due.
  std::optional<Timestamp> next() const;

  // Compares with the database, now and then: what is finished is forgotten, with the result that waited for it; what
  // an earlier process of this member launched is taken up. To be called whenever the database answers.
  void follow(store::RunStore& store, std::chrono::milliseconds delay_results, Timestamp now);

 private:
  struct Entry {
    Launch launch;
    bool in_hand = false;
    std::optional<Collected> result;
  };
  void erase(std::map<std::int64_t, Entry>::iterator entry) REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::map<std::int64_t, Entry> entries_ GUARDED_BY(mutex_);
  std::optional<Timestamp> last_look_ GUARDED_BY(mutex_);
};

}  // namespace mig_runner::stages

#pragma once

#include <atomic>

namespace mig_runner::test {

// What this program's fsync and fdatasync do, SQLite's included. Defined in lost_writes_test.cpp.
enum class Flushes {
  real,
  noted,    // by the disk of the lost writes
  skipped,  // where only processes die, nothing of what they wrote is lost; it saves most of such a test's time
};
inline std::atomic<Flushes> flushes{Flushes::real};

// For as long as this lives.
class FlushesAre {
 public:
  explicit FlushesAre(Flushes now) { flushes = now; }
  ~FlushesAre() { flushes = Flushes::real; }
  FlushesAre(const FlushesAre&) = delete;
  FlushesAre& operator=(const FlushesAre&) = delete;
};

}  // namespace mig_runner::test

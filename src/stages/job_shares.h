#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace mig_runner::stages {

// Shares out the threads of a stage among jobs, so that one whose runs take long (a plugin that hangs, an API that is
// silent about its actions) does not hold them all.
//
// A job gets another thread only while more threads are free than it has already. So one job has half of them at most
// (of four: two, of one: one), a second one half of what is left, and as long as few jobs hang one is free for the
// others. Jobs that wait take turns: the jobs that got a thread last stand behind all others.
//
// Safe from any thread, each of which goes through a Turn to claim.
class JobShares {
 public:
  explicit JobShares(int threads) : free_(threads) {}

  // The calling thread claims; the others wait until this ends.
  class Turn {
   public:
    // Gives back the thread of `job`, whose run was in hand until now; empty: none.
    Turn(JobShares& shares, const std::string& job);
    // The jobs that may have no more threads now.
    std::vector<std::string> full() const;
    // Those, and the jobs that are to wait until no other has anything to do.
    std::vector<std::string> full_or_recent() const;
    void forget_recent() { shares_.recent_.clear(); }
    // The calling thread works for `job`.
    void take(const std::string& job);

   private:
    JobShares& shares_;
    const std::lock_guard<std::mutex> lock_;
  };

 private:
  static constexpr std::size_t kMostRecent = 8;

  std::mutex mutex_;  // guards what follows
  int free_;          // threads
  std::map<std::string, int> in_hand_;
  std::deque<std::string> recent_;
};

}  // namespace mig_runner::stages

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace mig_runner::stages {

// The commands of one result, in numbers and in words. Its size does not depend on their number.
class Tally {
 public:
  // A command with the status and the JSON that the API lists it with.
  void add(std::string_view status, std::string_view json);

  std::int64_t commands() const { return commands_; }
  // Those whose status does not change any more.
  std::int64_t ended() const { return ended_; }

  // "3 of 5 commands have ended (2 success, 1 timeout), 2 were sent and have not answered yet"; "the API lists only 3
  // of 5 commands" where that is what is missing. `expected`: how many there are.
  std::string progress(std::int64_t expected) const;

  // `12 of 34 agents failed: "module 'x' is not available"`; empty where all operations of all agents succeeded.
  std::string failures() const;
  // All agents failed, with one text.
  bool all_failed_alike() const;

 private:
  struct Kind {
    std::int64_t agents = 0;
    std::map<std::string, std::int64_t> texts;  // by what they say; the number of texts is bounded
    void add(std::string text);
    std::string said() const;
  };

  std::int64_t commands_ = 0, ended_ = 0;
  std::map<std::string, std::int64_t, std::less<>> by_status_;  // of those that have ended
  Kind failed_, failed_in_part_;
};

}  // namespace mig_runner::stages

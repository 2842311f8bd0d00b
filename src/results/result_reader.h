#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace mig_runner::results {

// Takes a result document apart as it arrives, in pieces of any size, and holds no more of it than the action or one
// command at a time. The parts' own JSON is not looked into beyond where it ends. One thread at a time.
class ResultReader {
 public:
  using Take = std::function<Result<void>(std::string_view json)>;
  // A deeper document is an Error: readers of the parts may be recursive. The API's answers are held to 1,024 brackets
  // before they become a document, which adds two and takes away more.
  static constexpr std::size_t kMaxDepth = 1024;

  // Called with the action's JSON, once and first, and with that of each command. An Error of theirs ends the reading.
  ResultReader(Take action, Take command) : action_(std::move(action)), command_(std::move(command)) {}

  Result<void> read(std::string_view piece);
  // An Error where the document is not whole.
  Result<void> finish() const;

 private:
  Result<void> take(char c);
  Result<void> open(char bracket);
  Result<void> close(char bracket);
  Result<void> end_of_string();
  bool is_part() const;

  Take action_;
  Take command_;
  std::string brackets_;  // those that are open, outermost first
  std::string key_;       // of the outermost object, the one that was read last
  std::string text_;      // the part that is being read, or a key of the outermost object
  bool in_part_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  bool expects_key_ = false;
  bool has_action_ = false;
  bool has_commands_ = false;
  bool ended_ = false;
};

}  // namespace mig_runner::results

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "results/result_writer.h"
#include "stages/tally.h"

namespace mig_runner::stages {

// One reading of an action's commands on its way into the result file. Where an earlier collection left one there, the
// two become one: each command once, with the better of its two answers, so that nothing is lost that the API no longer
// lists; and it knows what differs. The file is replaced by finish() or not at all. Holds a few dozen bytes a command.
// One thread at a time.
class Collection {
 public:
  // `there_already`: an earlier collection's file is at `path`. An Error of Retry::no: that one is damaged.
  static Result<Collection> begin(const PathBelow& path, std::string_view action_json, bool there_already);

  // A command that came already is passed over.
  Result<void> add(const api::CommandSlice& command);
  // How many different commands were added.
  std::int64_t listed() const { return writer_.count() + static_cast<std::int64_t>(kept_.size()); }

  // After all were added: takes over what only the earlier file has, or has better.
  Result<void> keep_earlier();
  bool has(std::int64_t command_id) const;
  const Tally& tally() const { return tally_; }

  // Against the earlier file.
  struct Difference {
    std::int64_t more = 0;            // commands that it does not have
    std::int64_t changed = 0;         // commands whose answer is another one now
    std::vector<std::string> agents;  // of both, the first of them
    bool any() const { return more + changed > 0; }
    std::string text() const;  // "1 answer is new, 2 commands more: web-1, web-2, .."
  };
  const Difference& difference() const { return difference_; }

  Result<void> finish(std::string_view job, std::string_view plugin) { return writer_.finish(job, plugin); }

 private:
  struct Earlier {
    std::uint64_t answer = 0;
    int worth = 0;
  };

  Collection(PathBelow path, results::ResultWriter writer) : path_(std::move(path)), writer_(std::move(writer)) {}
  void compare(const api::CommandSlice& command);
  Result<void> write(const api::CommandSlice& command);

  PathBelow path_;
  results::ResultWriter writer_;
  Tally tally_;
  Difference difference_;
  bool there_already_ = false;
  std::unordered_map<std::int64_t, Earlier> earlier_;
  std::unordered_set<std::int64_t> kept_;  // added, but the earlier file has them better
};

}  // namespace mig_runner::stages

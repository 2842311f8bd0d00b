#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "store/sql/claimable.h"

namespace mig_runner::store {

inline constexpr std::array kWaitingStates{RunState::due, RunState::signed_, RunState::unknown, RunState::posted,
                                           RunState::stored};

// Runs of a hundred jobs, for each `n` of what follows. Every tenth waits, the others are delivered.
inline constexpr std::string_view kInsertMany = R"(
INSERT INTO runs (job, nominal, state, wake, attempts, failures, reason, plugin, action_id, result_file, commands,
                  expected, complete, recollections)
SELECT 1 + n % 100, n * 1000, CASE WHEN n % 10 = 0 THEN n / 10 % 5 ELSE 5 END,
       CASE WHEN n % 10 = 0 THEN n * 1000 END, 0, 0, '', '', 0, '', 0, 0, 1, 0
)";

// The statement as somebody pastes it: with values in the place of its parameters.
inline std::string with_values(std::string statement) {
  const std::map<std::string, std::string> values{
      {":owner", "'one'"}, {":member", "'one'"}, {":tree", "'host:/tree'"}, {":now", "5000000"}, {":limit", "50"}};
  for (const auto& [name, value] : values)
    for (auto at = statement.find(name); at != std::string::npos; at = statement.find(name, at + value.size()))
      statement.replace(at, name.size(), value);
  return statement;
}

}  // namespace mig_runner::store

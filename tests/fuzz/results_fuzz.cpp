#include <algorithm>
#include <string>
#include <vector>

#include "fuzz/target.h"
#include "mig/command_view.h"
#include "results/result_reader.h"

namespace mig_runner::fuzz {
namespace {

struct Parts {
  std::vector<std::string> actions, commands;
  bool whole = false;
  bool operator==(const Parts&) const = default;
};

Parts read(std::string_view bytes, std::size_t piece) {
  Parts parts;
  results::ResultReader reader(
      [&](std::string_view json) -> Result<void> {
        require(parts.actions.empty() && parts.commands.empty(), "the action comes once and first");
        parts.actions.emplace_back(json);
        return {};
      },
      [&](std::string_view json) -> Result<void> {
        require(json.starts_with('{') && json.ends_with('}'), "a command is an object");
        parts.commands.emplace_back(json);
        return {};
      });
  bool goes_on = true;
  for (std::size_t at = 0; goes_on && at < bytes.size(); at += piece)
    goes_on = reader.read(bytes.substr(at, piece)).has_value();
  parts.whole = goes_on && reader.finish();
  return parts;
}

}  // namespace

// A result file as somebody else left it: it is read the same in pieces of any size, and so are its commands.
FUZZ_TARGET(results) {
  const auto parts = read(bytes, std::max<std::size_t>(bytes.size(), 1));
  require(read(bytes, 1) == parts && read(bytes, 7) == parts, "pieces make no difference");
  require(!parts.whole || !parts.actions.empty(), "a whole document has an action");
  for (const auto& json : parts.commands) {
    const auto hash = mig::answer_hash(json);
    require(hash == mig::answer_hash(json), "equal commands have equal hashes");
    const auto command = mig::read_command(json);
    if (!command) {
      require(!command.error().what.empty(), "a refusal says why");
      continue;
    }
    const auto outcomes = mig::read_outcomes(command->results);
    const bool failed = std::any_of(outcomes.begin(), outcomes.end(), [](const auto& each) { return !each.succeeded; });
    require(!failed || mig::may_have_failed(json), "a failed operation is seen");
  }
}

}  // namespace mig_runner::fuzz

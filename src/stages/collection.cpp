#include "stages/collection.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "mig/command_view.h"

namespace mig_runner::stages {
namespace {

constexpr std::size_t kNamedAgents = 5;

// An answer is worth more than the scheduler's word that none came, and that more than a command that is under way.
int worth(std::string_view status) {
  if (status == "success" || status == "failed") return 2;
  return mig::is_final_status(status) ? 1 : 0;
}

// Calls `take` with each command of a result file.
Result<void> each_command(const PathBelow& path, const std::function<Result<void>(const api::CommandSlice&)>& take) {
  std::optional<Error> of_taking;
  results::ResultReader reader([](std::string_view) -> Result<void> { return {}; },
                               [&](std::string_view json) -> Result<void> {
                                 const auto command = mig::read_command(json);
                                 if (!command) return tl::unexpected(command.error());
                                 auto taken = take({command->id, command->status, json});
                                 if (!taken) of_taking = taken.error();
                                 return taken;
                               });
  auto read = results::read_result(path, reader);
  if (of_taking) return tl::unexpected(*of_taking);
  return read;
}

}  // namespace

Result<Collection> Collection::begin(const PathBelow& path, std::string_view action_json, bool there_already) {
  auto writer = results::ResultWriter::create(path, action_json);
  if (!writer) return tl::unexpected(writer.error());
  Collection collection(path, std::move(*writer));
  collection.there_already_ = there_already;
  if (!there_already) return collection;
  const auto read = each_command(path, [&](const api::CommandSlice& command) -> Result<void> {
    collection.earlier_[command.id] = {mig::answer_hash(command.json), worth(command.status)};
    return {};
  });
  if (!read) return tl::unexpected(read.error());
  return collection;
}

bool Collection::has(std::int64_t command_id) const {
  return writer_.has(command_id) || earlier_.contains(command_id);
}

void Collection::compare(const api::CommandSlice& command) {
  if (!there_already_) return;
  const auto earlier = earlier_.find(command.id);
  const bool is_there = earlier != earlier_.end();
  if (is_there && earlier->second.answer == mig::answer_hash(command.json)) return;
  ++(is_there ? difference_.changed : difference_.more);
  if (difference_.agents.size() >= kNamedAgents) return;
  const auto view = mig::read_command(command.json);
  if (view && !view->agent.empty()) difference_.agents.push_back(view->agent);
}

Result<void> Collection::write(const api::CommandSlice& command) {
  tally_.add(command.status, command.json);
  return writer_.add(command);
}

Result<void> Collection::add(const api::CommandSlice& command) {
  if (writer_.has(command.id) || kept_.contains(command.id)) return {};
  const auto earlier = earlier_.find(command.id);
  if (earlier != earlier_.end() && earlier->second.worth > worth(command.status)) {
    kept_.insert(command.id);
    return {};
  }
  compare(command);
  return write(command);
}

Result<void> Collection::keep_earlier() {
  const bool all_there =
      std::all_of(earlier_.begin(), earlier_.end(), [&](const auto& command) { return writer_.has(command.first); });
  if (all_there) return {};
  return each_command(path_, [&](const api::CommandSlice& command) -> Result<void> {
    return writer_.has(command.id) ? Result<void>() : write(command);
  });
}

std::string Collection::Difference::text() const {
  std::string text;
  if (changed > 0) text = counted(changed, "answer") + (changed == 1 ? " is" : " are") + " new";
  if (more > 0) text += (text.empty() ? "" : ", ") + counted(more, "command") + " more";
  for (const auto& agent : agents) text += (&agent == agents.data() ? ": " : ", ") + agent;
  return text + (changed + more > static_cast<std::int64_t>(agents.size()) && !agents.empty() ? ", .." : "");
}

}  // namespace mig_runner::stages

#include "stages/reading.h"

#include <algorithm>
#include <set>
#include <utility>

namespace mig_runner::stages {
namespace {

// The API lists commands page by page in no fixed order: one reading may miss what another shows.
constexpr int kReadings = 6;
constexpr std::size_t kNamedAgents = 3;

std::string joined(const std::string& one, const std::string& other) {
  return one + (one.empty() || other.empty() ? "" : "; ") + other;
}

std::string name_of(const api::UnreadableCommand& command) {
  if (!command.agent.empty()) return command.agent;
  return command.id > 0 ? "command " + std::to_string(command.id) : "an agent whose name is not known";
}

// "the answers of 2 agents cannot be read: web-1 (it nests too deep), ..".
std::string unreadable_text(const std::vector<api::UnreadableCommand>& unreadable) {
  if (unreadable.empty()) return "";
  const auto shown = std::min(unreadable.size(), kNamedAgents);
  std::string text = (unreadable.size() == 1 ? "the answer of 1 agent"
                                             : "the answers of " + std::to_string(unreadable.size()) + " agents") +
                     std::string(" cannot be read");
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& command = unreadable[i];
    text += (i == 0 ? ": " : ", ") + name_of(command) + " (" + command.reason + ")";
  }
  return text + (unreadable.size() > shown ? ", .." : "");
}

}  // namespace

Reading read_commands(api::ApiClient& api, const StageSettings& settings, const store::Run& run, std::int64_t expected,
                      Collection& collection) {
  Reading reading;
  const api::FetchOptions options{settings.page_size, settings.parallel_pages, expected};
  int fruitless = 0;
  for (int i = 0; i < kReadings && fruitless < 2; ++i) {
    const auto before = collection.listed();
    const auto fetched =
        api.fetch_commands(run.action_id, options, [&](const api::CommandSlice& command) -> Result<void> {
          auto added = collection.add(command);
          if (!added) reading.disk_error = added.error();
          return added;
        });
    if (!fetched) {
      if (!reading.disk_error) reading.api_error = fetched.error();
      return reading;
    }
    reading.unreadable = fetched->unreadable;
    if (collection.listed() + static_cast<std::int64_t>(reading.unreadable.size()) >= expected) break;
    fruitless = collection.listed() == before ? fruitless + 1 : 0;
  }
  if (auto kept = collection.keep_earlier(); !kept) reading.disk_error = kept.error();
  std::set<std::int64_t> named;  // one that stands on two pages is one
  std::erase_if(reading.unreadable, [&](const auto& command) {
    return collection.has(command.id) || (command.id > 0 && !named.insert(command.id).second);
  });
  return reading;
}

Contents contents_of(const Collection& collection, const api::ActionStatus& status, const Reading& reading,
                     Timestamp collected_at) {
  const auto& tally = collection.tally();
  Contents contents;
  contents.commands = tally.commands();
  contents.expected = std::max(status.sent, contents.commands);
  contents.collected_at = collected_at;
  const auto unreadable = static_cast<std::int64_t>(reading.unreadable.size());
  auto missing = joined(tally.progress(std::max(contents.commands, status.sent - unreadable)),
                        unreadable_text(reading.unreadable));
  if (missing.empty() && status.status == "preparing") missing = "the API is still adding commands";
  contents.complete = missing.empty();
  contents.reason = joined(contents.complete ? "" : "incomplete: " + missing, tally.failures());
  if (contents.expected == 0) {
    contents.reason = status.status == "invalid"
                          ? "no agent matched its target \"" + status.target + "\""
                          : "it was sent to no agent (status " + status.status + "), target \"" + status.target + "\"";
  }
  if (!contents.reason.empty()) contents.level = log::Level::warning;
  if (tally.all_failed_alike()) contents.level = log::Level::err;
  return contents;
}

}  // namespace mig_runner::stages

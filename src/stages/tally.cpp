#include "stages/tally.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/utf8.h"
#include "mig/command_view.h"

namespace mig_runner::stages {
namespace {

constexpr std::size_t kMostTexts = 100;
constexpr std::size_t kShownTexts = 3;
constexpr std::size_t kTextBytes = 200;

// The beginning of `text`, with whole characters.
std::string beginning(std::string_view text) {
  if (text.size() <= kTextBytes) return std::string(text);
  std::size_t end = 0;
  while (end < kTextBytes) end += std::max<std::size_t>(utf8_length(text.substr(end)), 1);
  return std::string(text.substr(0, end)) + "..";
}

}  // namespace

void Tally::Kind::add(std::string text) {
  ++agents;
  if (const auto found = texts.find(text); found != texts.end() || texts.size() < kMostTexts) ++texts[std::move(text)];
}

// The most frequent first, each with its number where there are several.
std::string Tally::Kind::said() const {
  std::vector<std::pair<std::string, std::int64_t>> order(texts.begin(), texts.end());
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  const bool several = order.size() > 1;
  order.resize(std::min(order.size(), kShownTexts));
  std::string text;
  auto rest = agents;
  for (const auto& [error, count] : order) {
    text += (text.empty() ? "\"" : ", \"") + error + '"' + (several ? " (" + std::to_string(count) + ")" : "");
    rest -= count;
  }
  return text + (rest > 0 ? ", others (" + std::to_string(rest) + ")" : "");
}

// Most commands have nothing but successes, and are only looked through for that.
void Tally::add(std::string_view status, std::string_view json) {
  ++commands_;
  if (!mig::is_final_status(status)) return;
  ++ended_;
  const auto counted = by_status_.find(status);
  counted == by_status_.end() ? by_status_.emplace(status, 1).first->second : ++counted->second;
  if (status != "failed" && (status != "success" || !mig::may_have_failed(json))) return;
  const auto command = mig::read_command(json);
  bool any_succeeded = false, any_failed = false;
  std::string text;
  if (command) {
    for (auto& outcome : mig::read_outcomes(command->results)) {
      any_succeeded = any_succeeded || outcome.succeeded;
      any_failed = any_failed || !outcome.succeeded;
      if (!outcome.succeeded && text.empty()) text = std::move(outcome.error);
    }
  }
  if (!any_failed && status == "success") return;
  (any_succeeded ? failed_in_part_ : failed_).add(text.empty() ? "no reason given" : beginning(text));
}

std::string Tally::progress(std::int64_t expected) const {
  std::string by_status;
  for (const auto& [status, count] : by_status_)
    by_status += (by_status.empty() ? " (" : ", ") + std::to_string(count) + ' ' + status;
  if (!by_status.empty()) by_status += ")";
  const auto waiting = commands_ - ended_;
  std::string text;
  if (commands_ < expected)
    text = "the API lists only " + std::to_string(commands_) + " of " + counted(expected, "command");
  if (waiting == 0) return text;
  if (!text.empty()) text += "; ";
  return text + std::to_string(ended_) + " of " + counted(commands_, "command") + " have ended" + by_status + ", " +
         std::to_string(waiting) + (waiting == 1 ? " was sent and has" : " were sent and have") + " not answered yet";
}

std::string Tally::failures() const {
  const auto text = [&](const Kind& kind, const char* how) -> std::string {
    if (kind.agents == 0) return "";
    const auto who = kind.agents == commands_ && commands_ > 1
                         ? "all " + counted(commands_, "agent")
                         : std::to_string(kind.agents) + " of " + counted(commands_, "agent");
    return who + how + kind.said();
  };
  const auto whole = text(failed_, " failed: ");
  const auto part = text(failed_in_part_, " failed in part: ");
  return whole + (whole.empty() || part.empty() ? "" : "; ") + part;
}

bool Tally::all_failed_alike() const {
  return commands_ > 0 && failed_.agents == commands_ && failed_.texts.size() == 1;
}

}  // namespace mig_runner::stages

#include "sandbox/demo/demo_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

namespace mig_sandbox {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::string read_text(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::optional<fs::path> result_file(const fs::path& job_directory) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(job_directory / "results", error), end; entry != end && !error;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (entry->is_regular_file(error) && name.ends_with(".json") && !name.starts_with('.')) return entry->path();
  }
  return std::nullopt;
}

bool found_anything(const json& command) {
  const json& results = command.value("results", json::array());
  return results.is_array() && std::any_of(results.begin(), results.end(), [](const json& result) {
           return result.is_object() && result.value("foundanything", false);
         });
}

void count_commands(const json& document, DemoOutcome& outcome) {
  const json& commands = document.at("commands");
  const auto count = [&](auto&& holds) {
    return static_cast<std::size_t>(std::count_if(commands.begin(), commands.end(), holds));
  };
  outcome.asked = commands.size();
  outcome.answered = count([](const json& command) { return command.value("status", "") == "success"; });
  outcome.found =
      count([](const json& command) { return command.value("status", "") == "success" && found_anything(command); });
}

// "JOB@..: launched as action 123 (sendonly)"
std::string launched_action(const std::string& job, const std::vector<std::string>& log) {
  constexpr std::string_view kWords = "launched as action ";
  for (const std::string& line : log) {
    const std::size_t at = line.find(kWords);
    if (line.find(job + "@") == std::string::npos || at == std::string::npos) continue;
    const std::string rest = line.substr(at + kWords.size());
    return rest.substr(0, rest.find_first_not_of("0123456789"));
  }
  return "";
}

std::string number(const std::optional<std::size_t>& value) {
  return value ? std::to_string(*value) : "-";
}

}  // namespace

DemoOutcome outcome_of(const DemoJob& job, const fs::path& runner_directory, const std::vector<std::string>& log) {
  DemoOutcome outcome;
  outcome.job = job.name;
  outcome.sendonly = job.sendonly;
  if (job.sendonly) {
    outcome.action_id = launched_action(job.name, log);
    return outcome;
  }
  const auto file = result_file(runner_directory / "runners" / job.name);
  if (!file) return outcome;
  outcome.action_id = file->stem().string();
  const json document = json::parse(read_text(*file), nullptr, false);
  if (!document.is_object() || !document.contains("commands") || !document["commands"].is_array()) return outcome;
  count_commands(document, outcome);
  const fs::path findings = runner_directory / "findings" / (job.name + "." + outcome.action_id + ".txt");
  const bool plugin_ended = std::any_of(log.begin(), log.end(), [&](const std::string& line) {
    return line.find(job.name + "@") != std::string::npos &&
           line.ends_with(fmt::format("delivered to {}", kDemoPluginName));
  });
  if (plugin_ended && fs::exists(findings)) {
    const std::string text = read_text(findings);
    outcome.delivered_lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  return outcome;
}

std::vector<std::string> outcome_table(const std::vector<DemoOutcome>& outcomes) {
  constexpr const char* format = "{:<18} {:>16} {:>6} {:>9} {:>6}  {}";
  std::vector<std::string> lines = {fmt::format(format, "JOB", "ACTION", "ASKED", "ANSWERED", "FOUND", "DELIVERED")};
  for (const DemoOutcome& outcome : outcomes) {
    const std::string delivered = outcome.sendonly          ? "(sendonly)"
                                  : outcome.delivered_lines ? fmt::format("{} lines", *outcome.delivered_lines)
                                                            : "no";
    lines.push_back(fmt::format(format, outcome.job, outcome.action_id.empty() ? "-" : outcome.action_id,
                                number(outcome.asked), number(outcome.answered), number(outcome.found), delivered));
  }
  return lines;
}

std::vector<std::string> complaints(const std::vector<DemoOutcome>& outcomes, const fs::path& runner_directory,
                                    const std::string& decoy) {
  std::vector<std::string> list;
  for (const DemoOutcome& outcome : outcomes) {
    const auto complain = [&](std::string_view what) { list.push_back(fmt::format("{}: {}", outcome.job, what)); };
    if (outcome.action_id.empty()) {
      complain("was not launched, or has no result file");
    } else if (!outcome.sendonly) {
      if (outcome.answered.value_or(0) == 0) complain("no agent answered");
      if (!outcome.delivered_lines) complain("its results did not reach the plugin");
    }
  }
  const auto hunt = result_file(runner_directory / "runners" / "known-bad-hashes");
  if (hunt && read_text(*hunt).find("\"" + decoy + "\"") == std::string::npos) {
    list.push_back("known-bad-hashes: the planted file was not found");
  }
  return list;
}

std::string shortened(std::string_view line) {
  static const std::regex stamp(
      R"(^\[?[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T ][0-9:.]+(Z|[+-][0-9:]+)?\]? *((notice|info) )?)");
  static const std::regex day_in_name(R"(@[0-9]{4}-[0-9]{2}-[0-9]{2}T([0-9:.]+)Z)");
  const std::string bare = std::regex_replace(std::string(line), stamp, "");
  std::string text = std::regex_replace(bare, day_in_name, "@$1");
  constexpr std::size_t kWidest = 140;
  if (text.size() > kWidest) text = text.substr(0, kWidest - 2) + "..";
  return text;
}

}  // namespace mig_sandbox

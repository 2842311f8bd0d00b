#include "report/run_summary.h"

#include <algorithm>
#include <set>

#include "report/findings.h"
#include "report/run.h"

namespace mig_runner::report {
namespace {

constexpr std::size_t kFirstFindings = 10;
constexpr std::size_t kNamedAgents = 5;
constexpr std::size_t kMostErrors = 1000;  // different texts that are counted

void count(AgentGroup& group, const results::Agent& agent) {
  ++group.agents;
  if (group.first.size() < kNamedAgents) group.first.push_back(agent);
}

const char* next_step(store::RunState state) {
  if (state == store::RunState::posted) return "to collect";
  return state == store::RunState::stored ? "to deliver" : "to launch";
}

}  // namespace

std::vector<Event> timeline(const store::Run& run) {
  // Before it was posted, its expiry is only that of its last try.
  std::vector<Event> events{{"nominal", run.nominal},
                            {"posted", run.posted_at},
                            {"expires", run.posted_at ? run.expire_after : std::nullopt},
                            {"collected", run.stored_at},
                            {"delivered", run.delivered_at},
                            {next_step(run.state), run.wake}};
  std::erase_if(events, [](const Event& event) { return !event.time; });
  return events;
}

Result<ResultSummary> ResultSummary::read(const PathBelow& file) {
  ResultSummary summary;
  const auto done = results::read_answers(file, [&](const results::AgentAnswer& answer) { summary.add(answer); });
  if (!done) return tl::unexpected(done.error());
  return summary;
}

void ResultSummary::add(const results::AgentAnswer& answer) {
  names.add(answer.agent);
  count(by_status[answer.status], answer.agent);
  if (!answer.findings.empty()) count(found, answer.agent);
  if (!answer.errors.empty()) count(with_errors, answer.agent);
  for (const auto& error : std::set<std::string>(answer.errors.begin(), answer.errors.end()))
    if (by_error.size() < kMostErrors || by_error.contains(error)) count(by_error[error], answer.agent);
  findings += answer.findings.size();
  for (const auto& finding : answer.findings)
    if (first.size() < kFirstFindings) first.push_back(finding);
}

std::string ResultSummary::names_of(const AgentGroup& group) const {
  std::string text;
  for (const auto& agent : group.first) text += (text.empty() ? "" : ", ") + names.shown(agent);
  return text + (group.agents > group.first.size() ? ", .." : "");
}

std::vector<std::pair<std::string, AgentGroup>> ResultSummary::errors() const {
  std::vector<std::pair<std::string, AgentGroup>> order(by_error.begin(), by_error.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second.agents > b.second.agents; });
  return order;
}

Json run_detail_json(const store::Run& run, const std::string& file, const std::optional<ResultSummary>& summary) {
  auto json = run_json(run);
  if (summary) {
    json["path"] = file;
    Json agents = Json::object();
    for (const auto& [status, outcome] : summary->by_status) agents[status] = outcome.agents;
    Json first = Json::array();
    for (const auto& finding : summary->first) first.push_back(finding_json(finding));
    json["agents"] = std::move(agents);
    json["agents_with_findings"] = summary->found.agents;
    json["agents_with_errors"] = summary->with_errors.agents;
    Json errors = Json::array();
    for (const auto& [text, outcome] : summary->errors())
      errors.push_back({{"error", text}, {"agents", outcome.agents}});
    json["errors"] = std::move(errors);
    json["findings"] = summary->findings;
    json["first_findings"] = std::move(first);
  }
  return json;
}

}  // namespace mig_runner::report

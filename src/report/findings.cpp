#include "report/findings.h"

#include <algorithm>
#include <iterator>

namespace mig_runner::report {
namespace {

Agents without(const Agents& all, const Agents& some) {
  Agents rest;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::inserter(rest, rest.end()));
  return rest;
}

// Agents that answered both runs, and one of them only in part.
Agents compared_in_part(const RunFindings& one, const RunFindings& other) {
  Agents agents;
  for (const auto* found : {&one, &other})
    for (const auto& agent : found->in_part)
      if (one.answered.contains(agent) && other.answered.contains(agent)) agents.insert(agent);
  return agents;
}

// Findings of one run that the other does not have, although the same agents finished the same modules there.
std::vector<results::Finding> only_in(const RunFindings& one, const RunFindings& other) {
  std::vector<results::Finding> only;
  for (const auto& finding : one.findings)
    if (other.modules.contains({finding.agent, finding.module}) && !other.findings.contains(finding))
      only.push_back(finding);
  return only;
}

template <class Findings>
Json list_json(const Findings& findings) {
  Json list = Json::array();
  for (const auto& finding : findings) list.push_back(finding_json(finding));
  return list;
}

Json agents_json(const Agents& agents, const results::AgentNames& names) {
  Json list = Json::array();
  for (const auto& agent : agents) list.push_back(names.shown(agent));
  return list;
}

}  // namespace

void RunFindings::add(results::AgentAnswer answer) {
  if (answer.answered()) answered.insert(answer.agent);
  if (answer.in_part()) in_part.insert(answer.agent);
  for (const auto& [module, done] : answer.modules)
    if (done) modules.emplace(answer.agent, module);
  findings.merge(answer.findings);
}

Result<RunFindings> FindingsReader::read(const store::Run& run, const PathBelow& file) {
  RunFindings found{run, {}, {}, {}, {}};
  const auto done = results::read_answers(file, [&](results::AgentAnswer answer) {
    if (answer.agent.id != 0) {
      const auto& name = names_by_id_.try_emplace(answer.agent.id, answer.agent.name).first->second;
      if (name != answer.agent.name) answer.rename(name);
    }
    names_.add(answer.agent);
    found.add(std::move(answer));
  });
  if (!done) return tl::unexpected(done.error());
  return found;
}

Changes Changes::between(const RunFindings& before, const RunFindings& now) {
  return {only_in(now, before), only_in(before, now), without(before.answered, now.answered),
          without(now.answered, before.answered), compared_in_part(now, before)};
}

Json finding_json(const results::Finding& finding) {
  return {{"agent", finding.agent.name},
          {"agent_id", finding.agent.id == 0 ? Json() : Json(finding.agent.id)},
          {"module", json_text(finding.module)},
          {"search", json_text(finding.search)},
          {"found", finding.what}};
}

Json findings_json(const RunFindings& found) {
  return {{"run", found.run.name()},
          {"complete", found.run.complete},
          {"agents_answered", found.answered.size()},
          {"findings", list_json(found.findings)}};
}

Json changes_json(const Changes& changes, const RunFindings& before, const RunFindings& now,
                  const results::AgentNames& names) {
  return {{"run", now.run.name()},
          {"before", before.run.name()},
          {"new", list_json(changes.fresh)},
          {"gone", list_json(changes.gone)},
          {"agents_only_before", agents_json(changes.only_before, names)},
          {"agents_only_now", agents_json(changes.only_now, names)},
          {"agents_compared_in_part", agents_json(changes.in_part, names)}};
}

}  // namespace mig_runner::report

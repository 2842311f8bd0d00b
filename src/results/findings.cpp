#include "results/findings.h"

#include <algorithm>

#include "base/whole_number.h"
#include "results/element_text.h"
#include "results/result_file.h"
#include "results/result_reader.h"

namespace mig_runner::results {
namespace {

std::int64_t id_at(const Json& object) {
  const auto& id = member(object, "id");
  if (id.is_number_integer()) return id.get<std::int64_t>();
  // As servers that were built with an old Go write it.
  return id.is_number_float() ? whole_number(id.dump()).value_or(0) : 0;
}

void add_result(AgentAnswer& answer, const std::string& module, const Json& result) {
  for (const auto& error : member(result, "errors"))
    answer.errors.push_back(error.is_string() ? error.get<std::string>()
                                              : error.dump(-1, ' ', false, Json::error_handler_t::replace));
  const auto& success = member(result, "success");
  const bool succeeded = success.is_boolean() ? success.get<bool>() : answer.status == "success";
  auto& all = answer.modules.try_emplace(module, true).first->second;
  all = all && succeeded;
  each_finding(module, result, [&](const std::string& search, const std::string& what) {
    answer.findings.insert({answer.agent, module, search, what});
  });
}

AgentAnswer answer_of(const Json& command, const std::vector<std::string>& modules) {
  AgentAnswer answer;
  const auto& agent = member(command, "agent");
  answer.agent = {text_at(agent, "name"), id_at(agent)};
  answer.status = text_at(command, "status");
  const auto& results = member(command, "results");
  for (std::size_t i = 0; results.is_array() && i < results.size(); ++i)
    add_result(answer, i < modules.size() ? modules[i] : "", results[i]);
  return answer;
}

std::vector<std::string> modules_of(const Json& action) {
  std::vector<std::string> modules;
  for (const auto& operation : member(action, "operations")) modules.push_back(text_at(operation, "module"));
  return modules;
}

Result<Json> parse(std::string_view json, const char* what) {
  auto value = Json::parse(json, nullptr, false);
  if (value.is_discarded()) return fail(std::string(what) + " in it is no JSON");
  return value;
}

}  // namespace

std::string AgentNames::shown(const Agent& agent) const {
  const auto found = ids_.find(agent.name);
  const bool unique = agent.id == 0 || found == ids_.end() || found->second.size() < 2;
  return unique ? agent.name : agent.name + " (" + std::to_string(agent.id) + ")";
}

bool AgentAnswer::answered() const {
  return status == "success" ||
         std::any_of(modules.begin(), modules.end(), [](const auto& module) { return module.second; });
}

bool AgentAnswer::in_part() const {
  return answered() && std::any_of(modules.begin(), modules.end(), [](const auto& module) { return !module.second; });
}

void AgentAnswer::rename(const std::string& name) {
  agent.name = name;
  std::set<Finding> renamed;
  for (auto finding : findings) {
    finding.agent = agent;
    renamed.insert(std::move(finding));
  }
  findings = std::move(renamed);
}

Result<void> read_answers(const PathBelow& file, const std::function<void(AgentAnswer)>& take) {
  std::vector<std::string> modules;
  ResultReader reader(
      [&](std::string_view json) -> Result<void> {
        const auto action = parse(json, "the action");
        if (!action) return tl::unexpected(action.error());
        modules = modules_of(*action);
        return {};
      },
      [&](std::string_view json) -> Result<void> {
        const auto command = parse(json, "a command");
        if (!command) return tl::unexpected(command.error());
        take(answer_of(*command, modules));
        return {};
      });
  return read_result(file, reader);
}

}  // namespace mig_runner::results

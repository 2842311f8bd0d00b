#include "sandbox/api/documents.h"

#include <array>
#include <utility>

#include "mig/json_writer.h"

namespace mig_sandbox {
namespace {

using mig_runner::mig::append_json_string;

std::string counters_document(const Counters& c) {
  const std::array<std::pair<const char*, std::int64_t>, 8> all = {{{"sent", c.sent},
                                                                    {"done", c.done()},
                                                                    {"inflight", c.inflight()},
                                                                    {"success", c.success},
                                                                    {"cancelled", c.cancelled},
                                                                    {"expired", c.expired},
                                                                    {"failed", c.failed},
                                                                    {"timeout", c.timeout}}};
  std::string out = "{";
  for (const auto& [name, count] : all) {
    if (count != 0) out += (out.size() > 1 ? ",\"" : "\"") + std::string(name) + "\":" + std::to_string(count);
  }
  return out + "}";
}

void append_text(std::string& out, std::string_view name, std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(out, value);
}

void append_times(std::string& out, const ActionRow& action, ActionView view) {
  const bool known = view == ActionView::whole;
  append_text(out, "starttime", known ? format_micros(action.start_time) : kNoTime);
  append_text(out, "finishtime", known ? format_micros(action.finish_time) : kNoTime);
  append_text(out, "lastupdatetime", known ? format_micros(action.last_update_time) : kNoTime);
}

}  // namespace

std::string action_document(const ActionRow& action, const Investigators& investigators, ActionView view) {
  std::string out = R"({"id":)" + std::to_string(action.id);
  append_text(out, "name", action.name);
  append_text(out, "target", action.target);
  out += R"(,"description":)" + action.description + R"(,"threat":)" + action.threat;
  append_text(out, "validfrom", format_micros(action.valid_from));
  append_text(out, "expireafter", format_micros(action.expire_after));
  out += R"(,"operations":)" + action.operations + R"(,"pgpsignatures":)" + action.signatures;
  if (view != ActionView::in_command && action.investigators != "[]")
    out += R"(,"investigators":)" + investigators.json_list(action.investigators);
  if (view == ActionView::whole) append_text(out, "status", action.status);
  append_times(out, action, view);
  out += R"(,"counters":)" + (view == ActionView::in_command ? "{}" : counters_document(action.counters));
  return out + R"(,"syntaxversion":)" + std::to_string(action.syntax_version) + "}";
}

void append_agent(std::string& out, const Agent& agent, AgentView view) {
  const bool found = view == AgentView::in_found_commands;
  const bool inside = found || view == AgentView::in_command;
  out += R"({"id":)" + std::to_string(agent.id);
  append_text(out, "name", agent.name);
  append_text(out, "queueloc", found ? "" : agent.queueloc);
  append_text(out, "mode", found ? "" : agent.mode);
  append_text(out, "version", agent.version);
  if (!inside && agent.pid != 0) out += R"(,"pid":)" + std::to_string(agent.pid);
  append_text(out, "starttime", inside ? kNoTime : format_micros(agent.start_time));
  const bool destruction = view == AgentView::by_target || view == AgentView::by_search;
  append_text(out, "destructiontime", destruction ? format_micros(agent.destruction_time) : kNoTime);
  append_text(out, "heartbeatts", inside ? kNoTime : format_micros(agent.heartbeat_time));
  const bool refresh = view == AgentView::by_target || view == AgentView::by_id;
  append_text(out, "refreshts", refresh ? format_micros(agent.refresh_time) : kNoTime);
  if (!inside) append_text(out, "status", agent.status);
  if (view == AgentView::in_command) {
    out += R"(,"environment":{"isproxied":false,"aws":{}}})";
    return;
  }
  out += R"(,"environment":)" + agent.environment;
  if (!agent.tags.empty() && agent.tags != "null") out += R"(,"tags":)" + agent.tags;
  out += '}';
}

}  // namespace mig_sandbox

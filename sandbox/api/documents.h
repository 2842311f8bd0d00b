#pragma once

#include <string>

#include "sandbox/access/investigators.h"
#include "sandbox/fleet/agent.h"
#include "sandbox/store/store.h"

namespace mig_sandbox {

// The server's JSON documents about actions, agents and commands. The same thing looks different from place to place:
// each query of the server reads other columns, and what it does not read is empty.

enum class ActionView {
  whole,              // an action by itself
  in_found_commands,  // in the commands that a search gives
  in_command,         // in a command by itself
};
std::string action_document(const ActionRow& action, const Investigators& investigators, ActionView view);

enum class AgentView {
  by_id,
  by_target,
  by_search,
  in_found_commands,
  in_command,
};
void append_agent(std::string& out, const Agent& agent, AgentView view);

// `action` and `agent` are their documents; `append_results` puts the JSON list of results.
template <class AppendResults>
void append_command(std::string& out, const CommandRow& command, const std::string& action, const Agent& agent,
                    AgentView view, AppendResults append_results) {
  out += R"({"id":)" + std::to_string(command.id) + R"(,"action":)";
  out += action;
  out += R"(,"agent":)";
  append_agent(out, agent, view);
  out += R"(,"status":")" + command.status + R"(","results":)";
  append_results(out);
  out += R"(,"starttime":")" + format_micros(command.start_time) + R"(","finishtime":")" +
         format_micros(command.finish_time) + "\"}";
}

}  // namespace mig_sandbox

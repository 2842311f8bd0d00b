#include "sandbox/api/api.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "mig/json_writer.h"
#include "sandbox/api/documents.h"
#include "sandbox/faults/spoil.h"

namespace mig_sandbox {
namespace {

constexpr std::string_view kPublicKeyPath = "publickey/";

std::string_view below_root(const Request& request) {
  std::string_view path = request.path;
  return path.starts_with(Api::kRoot) ? path.substr(std::string_view(Api::kRoot).size()) : std::string_view();
}

std::string versions_document(const AgentCounts& counts) {
  if (counts.by_version.empty()) return "null";
  std::string out = "[";
  for (const auto& [version, count] : counts.by_version) {
    out += (out.size() > 1 ? "," : "") + std::string(R"({"version":)") + mig_runner::mig::json_string(version) +
           R"(,"count":)" + std::to_string(count) + "}";
  }
  return out + "]";
}

}  // namespace

Api::Api(const World& world, Investigators& investigators, Authentication& authentication, std::function<void()> posted)
    : world_(world), investigators_(investigators), authentication_(authentication), posted_(std::move(posted)) {}

Api::Handler Api::find_handler(const Request& request) {
  const std::string_view path = below_root(request);
  if (request.method == "POST") return path == "action/create/" ? &Api::create_action : nullptr;
  if (request.method != "GET") return nullptr;
  static constexpr std::pair<std::string_view, Handler> kHandlers[] = {{"search", &Api::search},
                                                                       {"action", &Api::get_action},
                                                                       {"command", &Api::get_command},
                                                                       {"agent", &Api::get_agent},
                                                                       {"dashboard", &Api::dashboard},
                                                                       {"heartbeat", &Api::heartbeat},
                                                                       {"ip", &Api::ip}};
  for (const auto& [name, handler] : kHandlers) {
    if (path == name) return handler;
  }
  const bool key = path.starts_with(kPublicKeyPath) && path.size() > kPublicKeyPath.size();
  return key ? &Api::public_key : nullptr;
}

Answer Api::answer(const Request& request, const Quirks& quirks) {
  const Handler handler = find_handler(request);
  if (handler == nullptr) return {404, "404 page not found\n", Answer::Type::plain};
  if (handler != &Api::heartbeat && handler != &Api::ip) {
    const auto allowed = authentication_.check(request.token, request.api_key, world_.clock.now());
    if (!allowed) return refuse(request, 401, allowed.error().what);
    const bool for_all = handler == &Api::search || handler == &Api::dashboard;
    if (!for_all && authentication_.is_limited(request.token, request.api_key))
      return refuse(request, 401, "Insufficient permissions to access endpoint");
  }
  return (this->*handler)(request, quirks);
}

Answer Api::refuse(const Request& request, int status, const std::string& message) {
  return {status, collection(request).finish(error_code(), message)};
}

std::string Api::address_of(const char* what, std::int64_t id) const {
  return address_ + kRoot + what + "?" + what + "id=" + std::to_string(id);
}

Answer Api::heartbeat(const Request& request, const Quirks&) {
  auto out = collection(request);
  out.add(std::string(kRoot) + "heartbeat", "heartbeat", "\"gatorz say hi\"");
  return {200, out.finish()};
}

Answer Api::ip(const Request& request, const Quirks&) {
  return {200, request.client};
}

Result<std::int64_t> Api::read_id(const Request& request, const char* name, const char* thing, Answer& refusal) {
  const Form query = parse_form(request.query);
  const auto given = query.find(name);
  const std::string text = given == query.end() ? std::string() : given->second;
  double id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const auto refused = mig_runner::fail("not an id");
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    refusal = refuse(
        request, 500,
        "Wrong parameters '" + std::string(name) + "': 'strconv.ParseFloat: parsing \"" + text + "\": invalid syntax'");
    return refused;
  }
  if (!(id >= 1 && id < 0x1p53)) {
    refusal = refuse(request, 400, "Invalid " + std::string(thing) + " ID '" + std::to_string(std::llround(id)) + "'");
    return refused;
  }
  return std::llround(id);
}

Answer Api::get_action(const Request& request, const Quirks&) {
  Answer refusal;
  const auto id = read_id(request, "actionid", "Action", refusal);
  if (!id) return refusal;
  const auto action = world_.store.action(*id);
  if (!action) return refuse(request, 404, "Action ID '" + std::to_string(*id) + "' not found");
  auto out = collection(request);
  out.add(address_of("action", *id), "action", action_document(*action, investigators_, ActionView::whole));
  return {200, out.finish()};
}

Agent Api::agent_of(const CommandRow& command) const {
  if (auto agent = world_.agents.find(command.agent_id)) return *std::move(agent);
  Agent gone;
  gone.id = command.agent_id;
  gone.environment = R"({"isproxied":false,"aws":{}})";
  return gone;
}

void Api::append_command_results(std::string& out, const CommandRow& command, const FleetScript& script) const {
  if (command.status != "success" && command.status != "failed") {
    script.append_empty(out);
  } else if (!command.fault.empty()) {
    append_spoiled_results(out, Fault::parse(command.fault).value());
  } else if (command.results) {
    out += *command.results;
  } else {
    world_.fleet.append_results(out, command.agent_id, command.action_id, script, command.status);
  }
}

Answer Api::get_command(const Request& request, const Quirks&) {
  Answer refusal;
  const auto id = read_id(request, "commandid", "Command", refusal);
  if (!id) return refusal;
  const auto command = world_.store.command(*id);
  const auto action = command ? world_.store.action(command->action_id) : std::nullopt;
  if (!action) return refuse(request, 404, "Command ID '" + std::to_string(*id) + "' not found");
  auto out = collection(request);
  out.begin(address_of("command", *id), "command");
  append_command(out.text(), *command, action_document(*action, investigators_, ActionView::in_command),
                 agent_of(*command), AgentView::in_command,
                 [&](std::string& text) { append_command_results(text, *command, FleetScript(action->operations)); });
  out.end(address_of("action", action->id));
  return {200, out.finish()};
}

Answer Api::get_agent(const Request& request, const Quirks&) {
  Answer refusal;
  const auto id = read_id(request, "agentid", "Agent", refusal);
  if (!id) return refusal;
  const auto agent = world_.agents.find(*id);
  if (!agent) return refuse(request, 404, "Agent ID '" + std::to_string(*id) + "' not found");
  auto out = collection(request);
  out.begin(address_of("agent", *id), "agent");
  append_agent(out.text(), *agent, AgentView::by_id);
  out.end();
  return {200, out.finish()};
}

Answer Api::dashboard(const Request& request, const Quirks&) {
  const AgentCounts online = world_.agents.count("online");
  const AgentCounts idle = world_.agents.count("idle");
  const AgentCounts offline = world_.agents.count("offline");
  std::string data = "[";
  const auto put = [&](const char* name, const std::string& value) {
    data += (data.size() > 1 ? "," : "") + std::string(R"({"name":")") + name + R"(","value":)" + value + "}";
  };
  put("online agents", std::to_string(online.agents));
  put("online agents by version", versions_document(online));
  put("online endpoints", std::to_string(online.endpoints));
  put("idle agents", std::to_string(idle.agents));
  put("idle agents by version", versions_document(idle));
  put("idle endpoints", std::to_string(idle.endpoints));
  put("new endpoints", "0");
  put("endpoints running 2 or more agents", "0");
  put("disappeared endpoints", std::to_string(offline.endpoints));
  put("flapping endpoints", "0");
  auto out = collection(request);
  out.add_data(href(request), data + "]");
  for (const auto& action : world_.store.find_actions({"1", {}, "starttime DESC, id", 10, 0})) {
    out.add(address_of("action", action.id), "action", action_document(action, investigators_, ActionView::whole));
  }
  return {200, out.finish()};
}

Answer Api::public_key(const Request& request, const Quirks&) {
  const std::string fingerprint(below_root(request).substr(kPublicKeyPath.size()));
  const auto key = investigators_.public_key(fingerprint);
  if (!key) return {404, "Invalid Fingerprint : No PublicKey found for fingerprint '" + fingerprint + "'"};
  return {200, *key};
}

}  // namespace mig_sandbox

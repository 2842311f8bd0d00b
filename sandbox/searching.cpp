#include <charconv>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "mig/json_writer.h"
#include "sandbox/api.h"
#include "sandbox/documents.h"
#include "sandbox/like_pattern.h"

// GET search

namespace mig_sandbox {
namespace {

using Query = Store::Query;

// What the real server's database says when its query has no condition at all.
constexpr const char* kAgentSearchWithoutCondition =
    "Error while preparing search statement: 'pq: syntax error at or near \"GROUP\"' in 'SELECT agents.id, "
    "agents.name, agents.queueloc, agents.mode,\n\t\tagents.version, agents.pid, agents.starttime, "
    "agents.destructiontime,\n\t\tagents.heartbeattime, agents.status, agents.tags, agents.environment FROM agents  "
    "WHERE  GROUP BY agents.id\n\t\tORDER BY agents.heartbeattime DESC LIMIT $1 OFFSET $2;'";

Result<std::int64_t> number(const std::string& text) {
  double id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || !(std::abs(id) < 0x1p53))
    return mig_runner::fail("Error while preparing search statement: 'strconv.ParseFloat: parsing \"" + text +
                            "\": invalid syntax'");
  return std::llround(id);
}

void add(Query& query, const std::string& condition, const std::string& text) {
  query.where += " AND " + condition;
  query.texts.push_back(text);
}

Result<void> add_id(Query& query, const std::string& condition, const std::string& text) {
  const auto id = number(text);
  if (!id) return tl::unexpected(id.error());
  add(query, condition, std::to_string(*id));
  return {};
}

std::string order_by(const char* time, const Quirks& quirks) {
  const std::string order = std::string(time) + " DESC, ";
  if (quirks.shuffle == 0) return order + "id DESC";
  return order + "shuffle(id, " + std::to_string(static_cast<std::int64_t>(quirks.shuffle >> 1U)) + ")";
}

Result<void> check_page(const SearchParameters& parameters) {
  if (parameters.limit < 0) return mig_runner::fail("Error while searching: 'pq: LIMIT must not be negative'");
  if (parameters.offset < 0) return mig_runner::fail("Error while searching: 'pq: OFFSET must not be negative'");
  return {};
}

}  // namespace

Answer Api::search(const Request& request, const Quirks& quirks) {
  auto parameters = SearchParameters::defaults(world_.clock.now());
  auto out = collection(request);
  Result<bool> any = false;
  if (auto read = parameters.read(parse_form(request.query)); !read) {
    any = tl::unexpected(read.error());
  } else if (auto page = check_page(parameters); !page) {
    any = tl::unexpected(page.error());
  } else if (parameters.type == "action") {
    any = search_actions(out, parameters, quirks);
  } else if (parameters.type == "command") {
    any = search_commands(out, parameters, quirks);
  } else if (parameters.type == "agent") {
    any = search_agents(out, parameters);
  } else if (parameters.type == "investigator") {
    any = search_investigators(out, parameters);
  } else if (parameters.type != "manifest" && parameters.type != "loader") {
    any = mig_runner::fail("search type is invalid");
  }
  if (!any) out = collection(request);
  if (any && *any && parameters.offset > 0) {
    const std::string next = address_ + kRoot + "search?" + parameters.next_page();
    out.add(href(request), "pagination",
            R"({"limit":)" + std::to_string(parameters.limit) + R"(,"offset":)" + std::to_string(parameters.offset) +
                R"(,"next":)" + mig_runner::mig::json_string(next) + "}");
  }
  out.add(href(request), "search parameters", parameters.document());
  if (!any) return {500, out.finish(error_code(), any.error().what)};
  if (!*any) return {404, out.finish(error_code(), "no results found")};
  return {200, out.finish()};
}

// Conditions on actions that any search may have; columns are those of the table of actions.
Result<Query> Api::action_conditions(const SearchParameters& p) const {
  Query query;
  if (!p.is_any(p.action_id)) {
    if (auto id = add_id(query, "id = ?", p.action_id); !id) return tl::unexpected(id.error());
  }
  if (!p.is_any(p.action_name)) add(query, "name MATCH ?", p.action_name);
  if (!p.is_any(p.threat_family)) add(query, "json_extract(threat, '$.family') MATCH ?", p.threat_family);
  if (!p.is_any(p.investigator_id)) {
    const auto id =
        add_id(query, "CAST(? AS INTEGER) IN (SELECT value FROM json_each(investigators))", p.investigator_id);
    if (!id) return tl::unexpected(id.error());
  }
  if (!p.is_any(p.investigator_name)) {
    std::string ids = "0";
    for (std::int64_t id = 1; id <= world_.investigators.size(); ++id) {
      if (like(world_.investigators.name(id), p.investigator_name, Case::ignored)) ids += "," + std::to_string(id);
    }
    query.where += " AND EXISTS (SELECT 1 FROM json_each(investigators) WHERE value IN (" + ids + "))";
  }
  return query;
}

Result<bool> Api::search_actions(Collection& out, const SearchParameters& p, const Quirks& quirks) {
  auto query = action_conditions(p);
  if (!query) return tl::unexpected(query.error());
  if (!p.is_any(p.status)) add(*query, "status MATCH ?", p.status);
  if (p.after_given) add(*query, "validfrom >= CAST(? AS INTEGER)", std::to_string(p.after));
  if (p.before_given) add(*query, "expireafter <= CAST(? AS INTEGER)", std::to_string(*p.before));
  const std::string of_commands = "id IN (SELECT action_id FROM commands WHERE ";
  for (const auto& [column, value] : {std::pair("id", &p.command_id), std::pair("agent_id", &p.agent_id)}) {
    if (p.is_any(*value)) continue;
    if (auto id = add_id(*query, of_commands + column + " = ?)", *value); !id) return tl::unexpected(id.error());
  }
  if (!p.is_any(p.agent_name)) add(*query, of_commands + "agent_name(agent_id) MATCH ?)", p.agent_name);
  query->order = order_by("validfrom", quirks);
  query->limit = p.limit;
  query->offset = p.offset;
  const auto actions = world_.store.find_actions(*query);
  for (const auto& action : actions) {
    out.add(address_of("action", action.id), "action",
            action_document(action, world_.investigators, ActionView::whole));
  }
  return !actions.empty();
}

Result<bool> Api::search_commands(Collection& out, const SearchParameters& p, const Quirks& quirks) {
  Query query;
  // By far the most common question goes straight to the index.
  if (!p.is_any(p.action_id)) {
    if (auto id = add_id(query, "action_id = CAST(? AS INTEGER)", p.action_id); !id) return tl::unexpected(id.error());
  }
  auto actions = action_conditions(p);
  if (!actions) return tl::unexpected(actions.error());
  if (actions->texts.size() > query.texts.size() || actions->where.find("EXISTS") != std::string::npos) {
    query.where += " AND action_id IN (SELECT id FROM actions WHERE " + actions->where + ")";
    query.texts.insert(query.texts.end(), actions->texts.begin(), actions->texts.end());
  }
  for (const auto& [condition, value] : {std::pair("id = ?", &p.command_id), std::pair("agent_id = ?", &p.agent_id)}) {
    if (p.is_any(*value)) continue;
    if (auto id = add_id(query, condition, *value); !id) return tl::unexpected(id.error());
  }
  if (!p.is_any(p.status)) add(query, "status MATCH ?", p.status);
  if (!p.is_any(p.agent_name)) add(query, "agent_name(agent_id) MATCH ?", p.agent_name);
  if (!p.is_any(p.agent_version)) add(query, "agent_version(agent_id) MATCH ?", p.agent_version);
  if (p.found_anything_given)
    add(query, "status IN ('success', 'failed') AND (found & CAST(? AS INTEGER)) <> 0",
        std::to_string(p.found_anything ? kFoundSomething : kFoundNothing));
  add(query, "starttime >= CAST(? AS INTEGER)", std::to_string(p.after));
  add(query, "starttime <= CAST(? AS INTEGER)", std::to_string(*p.before));
  query.order = order_by("starttime", quirks);
  query.limit = p.limit;
  query.offset = p.offset;

  struct Context {
    std::string document;
    FleetScript script;
  };
  std::map<std::int64_t, Context> contexts;
  const auto commands = world_.store.find_commands(query);
  for (const auto& command : commands) {
    auto context = contexts.find(command.action_id);
    if (context == contexts.end()) {
      const auto action = world_.store.action(command.action_id).value_or(ActionRow{});
      context = contexts
                    .emplace(command.action_id,
                             Context{action_document(action, world_.investigators, ActionView::in_found_commands),
                                     FleetScript(action.operations)})
                    .first;
    }
    out.begin(address_of("command", command.id), "command");
    append_command(out.text(), command, context->second.document, agent_of(command), AgentView::in_found_commands,
                   [&](std::string& text) { append_command_results(text, command, context->second.script); });
    out.end();
  }
  return !commands.empty();
}

Result<bool> Api::search_agents(Collection& out, const SearchParameters& p) {
  bool any = false;
  const auto put = [&](AgentView view) {
    return [&, view](const Agent& agent) {
      any = true;
      out.begin(address_of("agent", agent.id), "agent");
      append_agent(out.text(), agent, view);
      out.end();
    };
  };
  if (!p.target.empty()) {
    const auto done = world_.agents.active(p.target, world_.clock.now(), put(AgentView::by_target));
    if (!done) return mig_runner::fail("Error while finding agents: 'pq: " + done.error().what + "'");
    return any;
  }
  AgentFilter filter;
  if (!p.is_any(p.agent_id)) {
    const auto id = number(p.agent_id);
    if (!id) return tl::unexpected(id.error());
    filter.id = *id;
  }
  const auto pattern = [&](const std::string& text) { return p.is_any(text) ? std::nullopt : std::optional(text); };
  filter.name = pattern(p.agent_name);
  filter.version = pattern(p.agent_version);
  filter.status = pattern(p.status);
  if (p.before_given) filter.before = p.before;
  if (p.after_given) filter.after = p.after;
  if (filter.empty()) return mig_runner::fail(kAgentSearchWithoutCondition);
  world_.agents.search(filter, p.limit, p.offset, put(AgentView::by_search));
  return any;
}

Result<bool> Api::search_investigators(Collection& out, const SearchParameters& p) {
  std::optional<std::int64_t> wanted;
  if (!p.is_any(p.investigator_id)) {
    const auto id = number(p.investigator_id);
    if (!id) return tl::unexpected(id.error());
    wanted = *id;
  }
  std::int64_t row = 0;
  bool any = false;
  for (std::int64_t id = 1; id <= world_.investigators.size(); ++id) {
    if (wanted && *wanted != id) continue;
    if (!like(world_.investigators.name(id), p.investigator_name, Case::ignored)) continue;
    if (!like("active", p.status, Case::ignored)) continue;
    if (row++ < p.offset || row > p.offset + p.limit) continue;
    any = true;
    out.add(address_of("investigator", id), "investigator", world_.investigators.json(id));
  }
  return any;
}

}  // namespace mig_sandbox

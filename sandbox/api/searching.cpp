#include <charconv>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "mig/json_writer.h"
#include "sandbox/api/api.h"
#include "sandbox/api/documents.h"
#include "sandbox/base/like_pattern.h"

// GET search

namespace mig_sandbox {
namespace {

using Query = Store::Query;

// The real server quotes its statement, as the database gets it, when a search has no condition.
auto no_condition(const std::string& statement) {
  return mig_runner::fail("Error while preparing search statement: 'pq: syntax error at or near \"GROUP\"' in '" +
                          statement + " LIMIT $1 OFFSET $2;'");
}

// A search of actions by status never works: the server's statement names a table that is not there.
auto no_such_table() {
  return mig_runner::fail(
      "Error while preparing search statement: 'pq: missing FROM-clause entry for table "
      "\"action\"'");
}

constexpr const char* kActionStatement =
    "SELECT actions.id, actions.name, actions.target,  actions.description, actions.threat, actions.operations,\n"
    "\t\tactions.validfrom, actions.expireafter, actions.starttime, actions.finishtime, actions.lastupdatetime,\n"
    "\t\tactions.status, actions.pgpsignatures, actions.syntaxversion  FROM actions  WHERE  GROUP BY actions.id\n"
    "\t\tORDER BY actions.validfrom DESC";
constexpr const char* kCommandStatement =
    "SELECT commands.id, commands.status, commands.results, commands.starttime, commands.finishtime,\n"
    "\t\t\tactions.id, actions.name, actions.target, actions.description, actions.threat,\n"
    "\t\t\tactions.operations, actions.validfrom, actions.expireafter, actions.pgpsignatures,\n"
    "\t\t\tactions.syntaxversion, agents.id, agents.name, agents.version, agents.tags, agents.environment\n"
    "\t\tFROM\tcommands\n"
    "\t\t\tINNER JOIN actions ON ( commands.actionid = actions.id)\n"
    "\t\t\tINNER JOIN signatures ON ( actions.id = signatures.actionid )\n"
    "\t\t\tINNER JOIN investigators ON ( signatures.investigatorid = investigators.id )\n"
    "\t\t\tINNER JOIN agents ON ( commands.agentid = agents.id )\n"
    "\t\tWHERE  GROUP BY commands.id, actions.id, agents.id\n"
    "\t\tORDER BY commands.starttime DESC";
constexpr const char* kAgentStatement =
    "SELECT agents.id, agents.name, agents.queueloc, agents.mode,\n"
    "\t\tagents.version, agents.pid, agents.starttime, agents.destructiontime,\n"
    "\t\tagents.heartbeattime, agents.status, agents.tags, agents.environment FROM agents  WHERE  GROUP BY agents.id\n"
    "\t\tORDER BY agents.heartbeattime DESC";
constexpr const char* kInvestigatorStatement =
    "SELECT investigators.id, investigators.name,\n"
    "\t\tCOALESCE(investigators.pgpfingerprint, ''),\n"
    "\t\tinvestigators.status, investigators.createdat,\n"
    "\t\tinvestigators.lastmodified, investigators.permissions FROM investigators  WHERE  GROUP BY investigators.id\n"
    "\t\tORDER BY investigators.id ASC";

Result<std::int64_t> number(const std::string& text) {
  double id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || !(std::abs(id) < 0x1p53))
    return mig_runner::fail("strconv.ParseFloat: parsing \"" + text + "\": invalid syntax");
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

// `ties` is the order of rows of the same time.
std::string order_by(const char* time, const char* ties, const Quirks& quirks) {
  const std::string order = std::string(time) + " DESC, ";
  if (quirks.shuffle == 0) return order + ties;
  return order + "shuffle(id, " + std::to_string(static_cast<std::int64_t>(quirks.shuffle >> 1U)) + ")";
}

// The server's driver for its database takes no number below 0 for LIMIT and OFFSET, which come after the `values` of
// the conditions.
Result<void> check_page(const SearchParameters& parameters, const char* things, std::size_t values) {
  for (const auto number : {parameters.limit, parameters.offset}) {
    ++values;
    if (number < 0)
      return mig_runner::fail("Error while finding " + std::string(things) + ": 'sql: converting argument $" +
                              std::to_string(values) + " type: uint64 values with high bit set are not supported'");
  }
  return {};
}

}  // namespace

Answer Api::search(const Request& request, const Quirks& quirks) {
  auto parameters = SearchParameters::defaults(world_.clock.now());
  auto out = collection(request);
  Result<bool> any = false;
  if (auto read = parameters.read(parse_form(request.query)); !read) {
    any = tl::unexpected(read.error());
  } else if (parameters.type == "action") {
    any = search_actions(out, parameters, quirks);
  } else if (parameters.type == "command") {
    any = search_commands(out, parameters, quirks);
  } else if (parameters.type == "agent") {
    any = search_agents(out, parameters);
  } else if (parameters.type == "investigator") {
    any = search_investigators(out, parameters);
  } else if (parameters.type == "manifest" || parameters.type == "loader") {
    any = search_nothing(parameters);
  } else {
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
    const auto id = add_id(query, "id IN (SELECT action_id FROM signatures WHERE investigator_id = CAST(? AS INTEGER))",
                           p.investigator_id);
    if (!id) return tl::unexpected(id.error());
  }
  if (!p.is_any(p.investigator_name)) {
    std::string ids = "0";
    for (std::int64_t id = 1; id <= investigators_.size(); ++id) {
      if (like(investigators_.name(id), p.investigator_name, Case::ignored)) ids += "," + std::to_string(id);
    }
    query.where += " AND id IN (SELECT action_id FROM signatures WHERE investigator_id IN (" + ids + "))";
  }
  return query;
}

Result<bool> Api::search_actions(Collection& out, const SearchParameters& p, const Quirks& quirks) {
  auto query = action_conditions(p);
  if (!query) return tl::unexpected(query.error());
  if (!p.is_any(p.status)) return no_such_table();
  if (p.after_given) add(*query, "validfrom >= CAST(? AS INTEGER)", std::to_string(p.after));
  if (p.before_given) add(*query, "expireafter <= CAST(? AS INTEGER)", std::to_string(*p.before));
  const std::string of_commands = "id IN (SELECT action_id FROM commands WHERE ";
  for (const auto& [column, value] : {std::pair("id", &p.command_id), std::pair("agent_id", &p.agent_id)}) {
    if (p.is_any(*value)) continue;
    if (auto id = add_id(*query, of_commands + column + " = ?)", *value); !id) return tl::unexpected(id.error());
  }
  if (!p.is_any(p.agent_name)) add(*query, of_commands + "agent_name(agent_id) MATCH ?)", p.agent_name);
  if (!query->has_condition()) return no_condition(kActionStatement);
  if (auto page = check_page(p, "actions", query->texts.size()); !page) return tl::unexpected(page.error());
  query->order = order_by("validfrom", "id", quirks);
  query->limit = p.limit;
  query->offset = p.offset;
  const auto actions = world_.store.find_actions(*query);
  for (const auto& action : actions) {
    out.add(address_of("action", action.id), "action", action_document(action, investigators_, ActionView::whole));
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
  if (actions->texts.size() > query.texts.size() || actions->where.find("signatures") != std::string::npos) {
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
    add(query, "status = 'success' AND (found & CAST(? AS INTEGER)) <> 0",
        std::to_string(p.found_anything ? kFoundSomething : kFoundNothing));
  if (p.after_given) add(query, "starttime >= CAST(? AS INTEGER)", std::to_string(p.after));
  if (p.before_given) add(query, "starttime <= CAST(? AS INTEGER)", std::to_string(*p.before));
  if (!query.has_condition()) return no_condition(kCommandStatement);
  if (auto page = check_page(p, "commands", query.texts.size()); !page) return tl::unexpected(page.error());
  // The server joins the signatures: without one an action's commands are never found.
  // Of one action that is looked up once, not for each row.
  if (p.is_any(p.action_id)) {
    query.where += " AND EXISTS (SELECT 1 FROM signatures WHERE signatures.action_id = commands.action_id)";
  } else if (auto signed_one =
                 add_id(query, "EXISTS (SELECT 1 FROM signatures WHERE signatures.action_id = CAST(? AS INTEGER))",
                        p.action_id);
             !signed_one) {
    return tl::unexpected(signed_one.error());
  }
  query.order = order_by("starttime", "id DESC", quirks);
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
                             Context{action_document(action, investigators_, ActionView::in_found_commands),
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
  if (filter.empty()) return no_condition(kAgentStatement);
  if (auto page = check_page(p, "agents", filter.count()); !page) return tl::unexpected(page.error());
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
  if (!wanted && p.is_any(p.investigator_name) && p.is_any(p.status)) return no_condition(kInvestigatorStatement);
  const auto values = std::size_t{wanted.has_value()} + !p.is_any(p.investigator_name) + !p.is_any(p.status);
  if (auto page = check_page(p, "investigators", values); !page) return tl::unexpected(page.error());
  std::int64_t row = 0;
  bool any = false;
  for (std::int64_t id = 1; id <= investigators_.size(); ++id) {
    if (wanted && *wanted != id) continue;
    if (!like(investigators_.name(id), p.investigator_name, Case::ignored)) continue;
    if (!like("active", p.status, Case::ignored)) continue;
    if (row++ < p.offset || row > p.offset + p.limit) continue;
    any = true;
    out.add(address_of("investigator", id), "investigator", investigators_.json(id));
  }
  return any;
}

// There are no manifests and loaders here.
Result<bool> Api::search_nothing(const SearchParameters& p) {
  const bool by_manifest = !p.is_any(p.manifest_id) || !p.is_any(p.manifest_name);
  const bool by_loader = !p.is_any(p.loader_id) || !p.is_any(p.loader_name) || !p.is_any(p.agent_name);
  const bool is_manifest = p.type == "manifest";
  if ((is_manifest ? by_manifest : by_loader) || !p.is_any(p.status) || p.before_given || p.after_given) return false;
  return mig_runner::fail(
      "Error while preparing search statement: 'pq: syntax error at or near \"ORDER\"' in 'SELECT " +
      std::string(is_manifest ? "manifests.id, manifests.name, manifests.status, manifests.target, "
                                "manifests.timestamp FROM manifests WHERE  ORDER BY timestamp DESC;'"
                              : "loaders.id, loaders.loadername, loaders.name, loaders.lastseen, loaders.enabled "
                                "FROM loaders WHERE  ORDER BY loadername;'"));
}

}  // namespace mig_sandbox

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/access/authentication.h"
#include "sandbox/api/collection.h"
#include "sandbox/api/search_parameters.h"
#include "sandbox/faults/faults.h"
#include "sandbox/fleet/world.h"
#include "sandbox/http/message.h"

namespace mig_sandbox {

// Faults that change an answer while it is made.
struct Quirks {
  std::uint64_t shuffle = 0;   // not 0: rows of the same time come in another order for each number
  std::optional<Fault> fault;  // the one that hit the request

  bool has(FaultKind kind) const { return fault && fault->kind == kind; }
  // It changes how the action goes on.
  bool is_of_the_action() const { return fault && fault->kind >= FaultKind::preparing; }
  std::string fault_name() const { return fault ? std::string(mig_sandbox::fault_name(fault->kind)) : std::string(); }
};

// The MIG API below /api/v1/. Safe from any thread. Throws SqliteError.
class Api {
 public:
  // `posted` is called after an action is stored. The others outlive this.
  Api(const World& world, Investigators& investigators, Authentication& authentication, std::function<void()> posted);

  // Where the server is reached: "http://127.0.0.1:1664". Call it before the first answer.
  void set_address(std::string address) { address_ = std::move(address); }
  Answer answer(const Request& request, const Quirks& quirks);
  // The answer that says no, in the API's form.
  Answer refuse(const Request& request, int status, const std::string& message);

  static constexpr const char* kRoot = "/api/v1/";

 private:
  using Handler = Answer (Api::*)(const Request&, const Quirks&);
  static Handler find_handler(const Request& request);

  Answer heartbeat(const Request& request, const Quirks&);
  Answer ip(const Request& request, const Quirks&);
  Answer get_action(const Request& request, const Quirks&);
  Answer get_command(const Request& request, const Quirks&);
  Answer get_agent(const Request& request, const Quirks&);
  Answer dashboard(const Request& request, const Quirks&);
  Answer public_key(const Request& request, const Quirks&);

  // posting.cpp
  Answer create_action(const Request& request, const Quirks& quirks);
  struct Posted {
    ActionRow action;
    std::vector<SignatureRow> signatures;
    std::string document;  // the stored action as it is answered
  };
  Result<Posted> read_action(const Request& request);
  Result<void> store_signatures(const Posted& posted, const Quirks& quirks);
  ActionRow another_than(const ActionRow& action);

  // searching.cpp
  Answer search(const Request& request, const Quirks& quirks);
  Result<bool> search_actions(Collection& out, const SearchParameters& parameters, const Quirks& quirks);
  Result<bool> search_commands(Collection& out, const SearchParameters& parameters, const Quirks& quirks);
  Result<bool> search_agents(Collection& out, const SearchParameters& parameters);
  Result<bool> search_investigators(Collection& out, const SearchParameters& parameters);
  static Result<bool> search_nothing(const SearchParameters& parameters);
  Result<Store::Query> action_conditions(const SearchParameters& parameters) const;

  // The id in parameter `name` of the query, or the answer that refuses it.
  Result<std::int64_t> read_id(const Request& request, const char* name, const char* thing, Answer& refusal);
  void append_command_results(std::string& out, const CommandRow& command, const FleetScript& script) const;
  Agent agent_of(const CommandRow& command) const;

  std::string href(const Request& request) const { return address_ + request.uri(); }
  std::string address_of(const char* what, std::int64_t id) const;
  Collection collection(const Request& request) const { return Collection(href(request)); }
  std::string error_code() { return std::to_string(world_.ids.take()); }

  World world_;
  Investigators& investigators_;
  Authentication& authentication_;
  std::function<void()> posted_;
  std::string address_;
};

}  // namespace mig_sandbox

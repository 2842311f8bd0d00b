#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/api_client.h"

// Reads the API's answers: Collection+JSON (docs/protocol.md, "Launching" to "Collecting"). Nothing in it is trusted:
// every function refuses what is not well-formed or not of the expected type. Private to the room. `body` is changed
// only in its capacity.
namespace mig_runner::api {

// collection.error.message, or nullopt where the body is no such document.
std::optional<std::string> error_message(std::string& body);

struct ListedAction {
  StoredAction action;
  std::string name;
  std::vector<std::string> signatures;
  ActionStatus status;
};

// The actions among the items, in order.
Result<std::vector<ListedAction>> read_actions(std::string& body);

// How many agents there are among the items.
Result<std::int64_t> count_agents_in(std::string& body);

// "Mon, 23 Nov 2026 08:00:00 GMT" (RFC 9110, section 5.6.7); nullopt for anything else, also the obsolete forms.
std::optional<Timestamp> parse_http_date(const std::string& text);

}  // namespace mig_runner::api

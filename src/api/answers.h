#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/api_client.h"

// What the API answers: Collection+JSON (protocol file, sections 4 to 6). Nothing in it is trusted: every function
// refuses what is not well-formed or not of the expected type. Private to the room. `body` is changed only in its
// capacity.
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

// Calls `sink` for each command among the items, after the whole page was found to be well-formed. Returns how many.
Result<int> read_commands(std::string& body, const std::function<Result<void>(const CommandSlice&)>& sink);

}  // namespace mig_runner::api

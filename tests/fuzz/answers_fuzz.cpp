#include <string>

#include "api/answers.h"
#include "fuzz/target.h"

namespace mig_runner::fuzz {

FUZZ_TARGET(answers) {
  std::string body(bytes);
  api::error_message(body);
  require(body == bytes, "reading changes nothing");
  if (const auto actions = api::read_actions(body)) {
    for (const auto& listed : *actions) require(listed.action.id > 0, "an action has an id");
  }
  int passed = 0;
  const auto read = api::read_commands(body, [&](const api::CommandSlice& command) -> Result<void> {
    ++passed;
    require(command.id > 0, "a command has an id");
    require(command.json.starts_with('{') && command.json.ends_with('}'), "a command is an object");
    return {};
  });
  require(read ? *read == passed : passed == 0, "all commands of a page are passed on, or none");
}

}  // namespace mig_runner::fuzz

#include <string>
#include <vector>

#include "api/answers.h"
#include "api/json_scanner.h"
#include "api/page_reader.h"
#include "fuzz/target.h"

namespace mig_runner::fuzz {
namespace {

struct Read {
  std::vector<std::string> commands;
  std::size_t unreadable = 0;
  bool complete = false;
};

Read read_page(const std::string& body, std::size_t piece) {
  Read read;
  std::vector<api::UnreadableCommand> unreadable;
  const api::CommandSink sink = [&](const api::CommandSlice& command) -> Result<void> {
    require(command.id > 0, "a command has an id");
    require(command.json.starts_with('{') && command.json.ends_with('}'), "a command is an object");
    require(api::why_no_json(command.json).empty(), "a command is JSON");
    read.commands.emplace_back(command.json);
    return {};
  };
  api::PageReader reader(sink, unreadable);
  bool whole = true;
  for (std::size_t at = 0; whole && at < body.size(); at += piece)
    whole = reader.take(std::string_view(body).substr(at, piece)).has_value();
  read.complete = whole && reader.finish();
  read.unreadable = unreadable.size();
  require(reader.rows() == static_cast<std::int64_t>(read.commands.size() + read.unreadable), "rows are counted");
  return read;
}

}  // namespace

FUZZ_TARGET(answers) {
  std::string body(bytes);
  api::error_message(body);
  require(body == bytes, "reading changes nothing");
  if (const auto actions = api::read_actions(body)) {
    for (const auto& listed : *actions) require(listed.action.id > 0, "an action has an id");
  }
  const auto whole = read_page(body, body.size() + 1);
  const auto in_pieces = read_page(body, 3);
  require(whole.commands == in_pieces.commands && whole.unreadable == in_pieces.unreadable &&
              whole.complete == in_pieces.complete,
          "pieces make no difference");
  require(!whole.complete || whole.unreadable > 0 || body.find("\xff") != std::string::npos ||
              api::why_no_json(body) != "it is cut off",
          "a page that is complete is not cut off");
}

}  // namespace mig_runner::fuzz

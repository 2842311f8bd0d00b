#include "mig/result_document.h"

#include <fmt/core.h>

#include "mig/action_reader.h"
#include "mig/json_reader.h"
#include "mig/json_writer.h"

namespace mig_runner::mig {
namespace {

using Kind = JsonValue::Kind;

// The last field of this name that is not null; nullptr where there is none.
const JsonValue* find_field(const JsonValue& object, std::string_view name) {
  const JsonValue* found = nullptr;
  for (const auto& [key, value] : object.members) {
    if (is_field(key, name) && value.kind != Kind::null) found = &value;
  }
  return found;
}

Result<std::string> read_text(const JsonValue& object, std::string_view name, std::string_view source) {
  const JsonValue* value = find_field(object, name);
  if (value == nullptr) return std::string();
  if (value->kind != Kind::string)
    return fail(fmt::format("{} has to be text in double quotes", name), json_position(source, value->begin));
  return value->text;
}

}  // namespace

std::string result_head(std::string_view action_json) {
  return fmt::format(R"({{"action":{},"commands":[)", action_json);
}

std::string result_tail(std::string_view job, std::string_view plugin) {
  return fmt::format(R"(],"name":{},"plugin":{}}})", json_string(job), json_string(plugin));
}

Result<InflightRecord> parse_inflight(std::string_view json) {
  const auto document = read_json(json);
  if (!document) return tl::unexpected(document.error());
  const JsonValue* action_value = document->kind == Kind::object ? find_field(*document, "action") : nullptr;
  if (action_value == nullptr) return fail("a record of a launched action has an action, this has none", "1:1");
  const auto action = ActionReader(json).read(*action_value);
  if (!action) return tl::unexpected(action.error());
  if (action->id() <= 0)
    return fail("the action of a record has an id larger than 0, this has none",
                json_position(json, action_value->begin));
  auto job = read_text(*document, "name", json);
  if (!job) return tl::unexpected(job.error());
  auto plugin = read_text(*document, "plugin", json);
  if (!plugin) return tl::unexpected(plugin.error());
  InflightRecord record;
  record.action_id = action->id();
  record.action_json = json.substr(action_value->begin, action_value->end - action_value->begin);
  record.action_name = action->name();
  record.valid_from = action->valid_from();
  record.expire_after = action->expire_after();
  record.job = std::move(*job);
  record.plugin = std::move(*plugin);
  return record;
}

}  // namespace mig_runner::mig

#include "results/result_document.h"

#include <fmt/core.h>

#include "mig/action_reader.h"
#include "mig/json_reader.h"
#include "mig/json_writer.h"

namespace mig_runner::results {
namespace {

using Kind = mig::JsonValue::Kind;

// The last field of this name that is not null; nullptr where there is none.
const mig::JsonValue* find_field(const mig::JsonValue& object, std::string_view name) {
  const mig::JsonValue* found = nullptr;
  for (const auto& [key, value] : object.members) {
    if (mig::is_field(key, name) && value.kind != Kind::null) found = &value;
  }
  return found;
}

Result<std::string> read_text(const mig::JsonValue& object, std::string_view name, std::string_view source) {
  const mig::JsonValue* value = find_field(object, name);
  if (value == nullptr) return std::string();
  if (value->kind != Kind::string)
    return fail(fmt::format("{} has to be text in double quotes", name), mig::json_position(source, value->begin));
  return value->text;
}

}  // namespace

std::string result_head(std::string_view action_json) {
  return fmt::format(R"({{"action":{},"commands":[)", action_json);
}

std::string result_tail(std::string_view job, std::string_view plugin) {
  return fmt::format(R"(],"name":{},"plugin":{}}})", mig::json_string(job), mig::json_string(plugin));
}

Result<InflightRecord> parse_inflight(std::string_view json) {
  const auto document = mig::read_json(json);
  if (!document) return tl::unexpected(document.error());
  const mig::JsonValue* action_value = document->kind == Kind::object ? find_field(*document, "action") : nullptr;
  if (action_value == nullptr) return fail("a record of a launched action has an action, this has none", "1:1");
  const auto action = mig::ActionReader(json).read(*action_value);
  if (!action) return tl::unexpected(action.error());
  if (action->id() <= 0)
    return fail("the action of a record has an id larger than 0, this has none",
                mig::json_position(json, action_value->begin));
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

}  // namespace mig_runner::results

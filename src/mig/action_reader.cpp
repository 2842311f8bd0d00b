#include "mig/action_reader.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "mig/json_reader.h"
#include "mig/json_writer.h"

namespace mig_runner::mig {
namespace {

using Kind = JsonValue::Kind;

// Whole numbers up to here survive a 64-bit float.
constexpr double kMaxId = 9007199254740992.0;

std::string_view describe(Kind kind) {
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return "true or false";
    case Kind::number:
      return "a number";
    case Kind::string:
      return "text in double quotes";
    case Kind::array:
      return "a list";
    case Kind::object:
      return "an object";
  }
  return "";
}

std::string_view article(Kind kind) {
  return kind == Kind::boolean ? "a truth value" : kind == Kind::string ? "a text" : describe(kind);
}

}  // namespace

bool is_field(std::string_view key, std::string_view name) {
  for (const char wanted : name) {
    if (wanted == 's' && key.starts_with("\u017F")) {
      key.remove_prefix(2);
    } else if (wanted == 'k' && key.starts_with("\u212A")) {
      key.remove_prefix(3);
    } else if (!key.empty() && lower(key[0]) == wanted) {
      key.remove_prefix(1);
    } else {
      return false;
    }
  }
  return key.empty();
}

Result<Action> ActionReader::read(const JsonValue& value) {
  Action action;
  if (is(Kind::object, value, "an action")) {
    for (const auto& [name, member] : value.members) read_field(action, name, member);
  }
  if (!error_.what.empty()) return tl::unexpected(error_);
  return action;
}

void ActionReader::read_field(Action& action, const std::string& name, const JsonValue& value) {
  if (is_field(name, "id")) return read_id(action.id_, value);
  if (is_field(name, "name")) return read(action.name_, value, "name");
  if (is_field(name, "target")) return read(action.target_, value, "target");
  if (is_field(name, "description")) return read_description(action.description_, value);
  if (is_field(name, "threat")) return read_threat(action.threat_, value);
  if (is_field(name, "validfrom")) return read(action.valid_from_, value, "validfrom");
  if (is_field(name, "expireafter")) return read(action.expire_after_, value, "expireafter");
  if (is_field(name, "operations")) return read_operations(action, value);
  if (is_field(name, "pgpsignatures")) return read_signatures(action, value);
  if (is_field(name, "syntaxversion")) return read_version(action.syntax_version_, value);
}

void ActionReader::read_description(Description& description, const JsonValue& value) {
  if (!is(Kind::object, value, "description")) return;
  for (const auto& [name, member] : value.members) {
    if (is_field(name, "author")) read(description.author, member, "description.author");
    if (is_field(name, "email")) read(description.email, member, "description.email");
    if (is_field(name, "url")) read(description.url, member, "description.url");
    if (is_field(name, "revision")) read(description.revision, member, "description.revision");
  }
}

void ActionReader::read_threat(Threat& threat, const JsonValue& value) {
  if (!is(Kind::object, value, "threat")) return;
  for (const auto& [name, member] : value.members) {
    if (is_field(name, "ref")) read(threat.ref, member, "threat.ref");
    if (is_field(name, "level")) read(threat.level, member, "threat.level");
    if (is_field(name, "family")) read(threat.family, member, "threat.family");
    if (is_field(name, "type")) read(threat.type, member, "threat.type");
  }
}

void ActionReader::read_operations(Action& action, const JsonValue& value) {
  if (value.kind == Kind::null) action.operations_.reset();
  if (!is(Kind::array, value, "operations")) return;
  action.operations_.emplace();
  for (const auto& item : value.items) read_operation(action.operations_->emplace_back(), item);
}

void ActionReader::read_operation(Operation& operation, const JsonValue& value) {
  if (!is(Kind::object, value, "an operation")) return;
  for (const auto& [name, member] : value.members) {
    if (is_field(name, "module")) read(operation.module, member, "an operation's module");
    if (is_field(name, "is_compressed")) read(operation.is_compressed, member, "an operation's is_compressed");
    if (is_field(name, "want_compressed")) read(operation.want_compressed, member, "an operation's want_compressed");
    if (!is_field(name, "parameters")) continue;
    auto parameters = canonical_json(member, source_);
    if (parameters) {
      operation.parameters = std::move(*parameters);
    } else if (error_.what.empty()) {
      error_ = parameters.error();
    }
  }
}

void ActionReader::read_signatures(Action& action, const JsonValue& value) {
  if (value.kind == Kind::null) action.signatures_.clear();
  if (!is(Kind::array, value, "pgpsignatures")) return;
  action.signatures_.clear();
  for (const auto& item : value.items) read(action.signatures_.emplace_back(), item, "a signature");
}

void ActionReader::read(std::string& target, const JsonValue& value, std::string_view name) {
  if (is(Kind::string, value, name)) target = value.text;
}

void ActionReader::read(bool& target, const JsonValue& value, std::string_view name) {
  if (is(Kind::boolean, value, name)) target = value.boolean;
}

void ActionReader::read(double& target, const JsonValue& value, std::string_view name) {
  if (!is(Kind::number, value, name)) return;
  const auto number = json_float(value.text);
  if (!number) return note_error(value, fmt::format("{} is too large a number: {}", name, value.text));
  target = *number;
}

void ActionReader::read(WireTime& target, const JsonValue& value, std::string_view name) {
  if (!is(Kind::string, value, name)) return;
  auto time = parse_wire_time(value.text);
  if (!time) return note_error(value, fmt::format("{}: {}", name, time.error().what));
  target = std::move(*time);
}

void ActionReader::read_id(std::int64_t& target, const JsonValue& value) {
  double id = static_cast<double>(target);
  read(id, value, "id");
  if (std::abs(id) > kMaxId || id != std::trunc(id))
    return note_error(value, "id has to be a whole number below 2^53, not " + value.text);
  target = static_cast<std::int64_t>(id);
}

void ActionReader::read_version(std::uint16_t& target, const JsonValue& value) {
  if (!is(Kind::number, value, "syntaxversion")) return;
  const char* end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, target);
  if (error != std::errc() || stop != end)
    note_error(value, "syntaxversion has to be a whole number from 0 to 65535, not " + value.text);
}

bool ActionReader::is(Kind kind, const JsonValue& value, std::string_view name) {
  if (value.kind == kind) return true;
  if (value.kind != Kind::null)
    note_error(value, fmt::format("{} has to be {}, not {}", name, describe(kind), article(value.kind)));
  return false;
}

void ActionReader::note_error(const JsonValue& value, std::string what) {
  if (error_.what.empty()) error_ = Error{std::move(what), json_position(source_, value.begin)};
}

}  // namespace mig_runner::mig

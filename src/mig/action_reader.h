#pragma once

#include <string_view>

#include "mig/action.h"
#include "mig/json_value.h"

namespace mig_runner::mig {

// Turns JSON that was read into an Action; `source` is the whole text that `value` was read from, for the places that
// errors tell.
class ActionReader {
 public:
  explicit ActionReader(std::string_view source) : source_(source) {}

  Result<Action> read(const JsonValue& value);

 private:
  void read_field(Action& action, const std::string& name, const JsonValue& value);
  void read_description(Description& description, const JsonValue& value);
  void read_threat(Threat& threat, const JsonValue& value);
  void read_operations(Action& action, const JsonValue& value);
  void read_operation(Operation& operation, const JsonValue& value);
  void read_signatures(Action& action, const JsonValue& value);

  // Each leaves the target as it is where the value is null, and notes an error where it is of another type.
  void read(std::string& target, const JsonValue& value, std::string_view name);
  void read(bool& target, const JsonValue& value, std::string_view name);
  void read(double& target, const JsonValue& value, std::string_view name);
  void read(WireTime& target, const JsonValue& value, std::string_view name);
  void read_id(std::int64_t& target, const JsonValue& value);
  void read_version(std::uint16_t& target, const JsonValue& value);

  // False where it is null or, noted as an error, of another kind.
  bool is(JsonValue::Kind kind, const JsonValue& value, std::string_view name);
  // Only the first is kept, as Go does.
  void note_error(const JsonValue& value, std::string what);

  std::string_view source_;
  Error error_;
};

// Whether `key` is the field `name` (lower case, ASCII) as Go matches them: in any case, and with the letters U+017F
// for s and U+212A for k.
bool is_field(std::string_view key, std::string_view name);

}  // namespace mig_runner::mig

#include "mig/action_check.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "mig/action.h"
#include "mig/action_reader.h"
#include "mig/json_reader.h"

namespace mig_runner::mig {
namespace {

using Kind = JsonValue::Kind;

constexpr std::string_view kActionFields[] = {"name", "target", "description", "threat", "operations"};
// Set at launch or by the server; documents that were fetched from a server have them.
constexpr std::string_view kOthersFields[] = {"id",       "validfrom",      "expireafter",  "pgpsignatures",
                                              "status",   "investigators",  "starttime",    "finishtime",
                                              "counters", "lastupdatetime", "syntaxversion"};
constexpr std::string_view kDescriptionFields[] = {"author", "email", "url", "revision"};
constexpr std::string_view kThreatFields[] = {"ref", "level", "family", "type"};
constexpr std::string_view kOperationFields[] = {"module", "parameters", "is_compressed", "want_compressed"};

class Checker {
 public:
  explicit Checker(std::string_view source) : source_(source) {}

  std::vector<Remark> check(const JsonValue& action) {
    check_fields(action, "an action", kActionFields, kOthersFields);
    if (const auto* part = find(action, "description")) check_fields(*part, "a description", kDescriptionFields);
    if (const auto* part = find(action, "threat")) check_fields(*part, "a threat", kThreatFields);
    const auto* target = find(action, "target");
    if (target == nullptr || target->text.find_first_not_of(" \t\r\n") == std::string::npos)
      remark(target == nullptr ? action : *target, "target is empty: it has to say which agents are meant");
    const auto* operations = find(action, "operations");
    if (operations == nullptr || operations->items.empty())
      remark(operations == nullptr ? action : *operations, "there are no operations: agents have nothing to do");
    if (operations != nullptr) {
      for (const auto& operation : operations->items) check_operation(operation);
    }
    std::stable_sort(remarks_.begin(), remarks_.end(), [](const Placed& a, const Placed& b) { return a.at < b.at; });
    std::vector<Remark> out;
    for (auto& placed : remarks_) out.push_back({json_position(source_, placed.at), std::move(placed.what)});
    return out;
  }

 private:
  struct Placed {
    std::size_t at;
    std::string what;
  };

  // The last field of that name that is not null.
  static const JsonValue* find(const JsonValue& object, std::string_view name) {
    const JsonValue* found = nullptr;
    for (const auto& [key, value] : object.members) {
      if (is_field(key, name) && value.kind != Kind::null) found = &value;
    }
    return found;
  }

  void remark(const JsonValue& value, std::string what) { remarks_.push_back({value.begin, std::move(what)}); }

  void check_fields(const JsonValue& object, std::string_view what, std::span<const std::string_view> names,
                    std::span<const std::string_view> others = {}) {
    std::vector<std::string_view> seen;
    for (const auto& [key, value] : object.members) {
      const auto matches = [&key = key](std::string_view name) { return is_field(key, name); };
      const auto name = std::find_if(names.begin(), names.end(), matches);
      if (name == names.end()) {
        if (std::none_of(others.begin(), others.end(), matches))
          remark(value, fmt::format("\"{}\" is ignored: the fields of {} are {}", key, what, fmt::join(names, ", ")));
      } else if (std::find(seen.begin(), seen.end(), *name) != seen.end()) {
        remark(value, fmt::format("\"{}\" is given more than once: the last one counts", *name));
      } else {
        seen.push_back(*name);
      }
    }
  }

  void check_operation(const JsonValue& operation) {
    check_fields(operation, "an operation", kOperationFields);
    const auto* module = find(operation, "module");
    if (module == nullptr || module->text.empty())
      remark(operation, "an operation without a module: agents answer that it is not available");
    const auto* parameters = find(operation, "parameters");
    if (parameters == nullptr) remark(operation, "an operation without parameters");
    const auto* compressed = find(operation, "is_compressed");
    if (compressed != nullptr && compressed->boolean && parameters != nullptr && parameters->kind != Kind::string)
      remark(*parameters, "parameters are said to be compressed (is_compressed), but are not text in base64");
  }

  std::string_view source_;
  std::vector<Placed> remarks_;
};

}  // namespace

std::vector<Remark> check_template(std::string_view json) {
  const auto value = read_json(json);
  if (!value || !ActionReader(json).read(*value)) return {};
  return Checker(json).check(*value);
}

}  // namespace mig_runner::mig

#include <algorithm>
#include <set>
#include <utility>

#include "base/nearest.h"
#include "base/percent.h"
#include "cli/checks.h"
#include "mig/action.h"
#include "mig/action_reader.h"
#include "mig/json_reader.h"

namespace mig_runner::cli {
namespace {

using config::Problem;
using mig::JsonValue;
using Kind = JsonValue::Kind;
using Names = std::vector<std::string>;
using Macros = std::optional<std::map<std::string, std::string>>;

// However it is encoded, the API takes it.
constexpr std::size_t kSmallAction = std::size_t{1} << 20U;

const Names kActionFields{"id",          "name",           "target",        "description",   "threat", "validfrom",
                          "expireafter", "operations",     "pgpsignatures", "investigators", "status", "starttime",
                          "finishtime",  "lastupdatetime", "counters",      "syntaxversion"};
const Names kDescriptionFields{"author", "email", "url", "revision"};
const Names kThreatFields{"ref", "level", "family", "type"};
const Names kOperationFields{"module", "parameters", "is_compressed", "want_compressed"};
// Those that come with MIG. Others may be built into a company's agents.
const Names kModules{"agentdestroy", "audit", "dispatch", "example", "examplepersist", "file",      "fswatch", "memory",
                     "netstat",      "ping",  "pkg",      "scribe",  "sshkey",         "timedrift", "yara"};

const std::string* known_field(const Names& fields, const std::string& key) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return mig::is_field(key, f); });
  return found == fields.end() ? nullptr : &*found;
}

// Where the name of the member stands whose value begins at `value`: the string in front of the colon.
std::size_t name_begin(std::string_view text, std::size_t value) {
  const auto colon = text.rfind(':', value - 1);
  const auto end = text.rfind('"', colon);
  auto begin = end;
  while (begin > 0) {
    begin = text.rfind('"', begin - 1);
    std::size_t slashes = 0;
    while (slashes < begin && text[begin - 1 - slashes] == '\\') ++slashes;
    if (slashes % 2 == 0) break;
  }
  return begin;
}

class ActionCheck {
 public:
  ActionCheck(const std::filesystem::path& file, std::string_view text, const Macros& macros, Problems& problems)
      : file_(file), text_(text), macros_(macros), problems_(problems) {}

  void check(const JsonValue& root) {
    check_fields(root, kActionFields, "an action");
    each(root, "description",
         [&](const JsonValue& value) { check_fields(value, kDescriptionFields, "a description"); });
    each(root, "threat", [&](const JsonValue& value) { check_fields(value, kThreatFields, "a threat"); });
    check_target(root);
    check_operations(root);
  }

 private:
  template <class Work>
  static void each(const JsonValue& object, std::string_view field, Work work) {
    for (const auto& [key, value] : object.members)
      if (mig::is_field(key, field)) work(value);
  }

  // The one that counts: the last that is not null.
  static const JsonValue* find(const JsonValue& object, std::string_view field) {
    const JsonValue* found = nullptr;
    each(object, field, [&](const JsonValue& value) { found = value.kind == Kind::null ? found : &value; });
    return found;
  }

  void add(std::size_t offset, std::string message, bool fatal) {
    const auto position = mig::json_position(text_, offset);
    const auto colon = position.find(':');
    problems_.push_back({file_, std::stoi(position.substr(0, colon)), std::stoi(position.substr(colon + 1)),
                         std::move(message), fatal});
  }
  void error(std::size_t offset, std::string message) { add(offset, std::move(message), true); }
  void warn(std::size_t offset, std::string message) { add(offset, std::move(message), false); }

  void check_fields(const JsonValue& object, const Names& fields, const std::string& of) {
    std::set<std::string> seen;
    for (const auto& [key, value] : object.members) {
      const auto* field = known_field(fields, key);
      const auto begin = name_begin(text_, value.begin);
      if (field == nullptr) {
        const auto nearest = nearest_name(key, fields);
        warn(begin, "unknown field \"" + key + "\" of " + of + " is ignored" +
                        (nearest.empty() ? "" : ": did you mean \"" + nearest + "\"?"));
      } else if (!seen.insert(*field).second) {
        warn(begin, "\"" + *field + "\" stands here a second time, and only the last one counts");
      }
    }
  }

  void check_target(const JsonValue& root) {
    const auto* value = find(root, "target");
    if (value == nullptr || value->text.find_first_not_of(" \t\r\n") == std::string::npos)
      return error(value == nullptr ? root.begin : value->begin,
                   "the target is empty: it needs a condition such as status='online', or a macro's name");
    const auto& target = value->text;
    if (macros_ && macros_->contains(target)) return;
    check_condition(*value, target);
  }

  // Only what no database can read as a condition; the rest is for the API to say (--online).
  void check_condition(const JsonValue& value, std::string_view target) {
    constexpr std::string_view kWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    const auto lone = target.find_first_not_of(kWord) == std::string_view::npos;
    if (lone && target != "true" && target != "false") {
      if (!macros_) return;
      Names names;
      for (const auto& [name, expression] : *macros_) names.push_back(name);
      const auto nearest = nearest_name(target, names);
      return error(value.begin,
                   "the target is neither a condition nor the name of a macro of the client configuration" +
                       (nearest.empty() ? "" : ": did you mean \"" + nearest + "\"?"));
    }
    int depth = 0;
    bool quoted = false, closed_too_often = false;
    for (const char c : target) {
      if (c == '\'') quoted = !quoted;
      if (quoted) continue;
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      closed_too_often = closed_too_often || depth < 0;
    }
    if (quoted) return error(value.begin, "a quote (') of the target is not closed");
    if (depth != 0 || closed_too_often) error(value.begin, "the brackets of the target do not match");
  }

  void check_operations(const JsonValue& root) {
    const auto* operations = find(root, "operations");
    if (operations == nullptr || operations->items.empty())
      return error(operations == nullptr ? root.begin : operations->begin,
                   "there are no operations: the action would do nothing");
    for (const auto& operation : operations->items) check_operation(operation);
  }

  void check_operation(const JsonValue& operation) {
    if (operation.kind == Kind::null) return error(operation.begin, "the operation is empty (null)");
    check_fields(operation, kOperationFields, "an operation");
    const auto* module = find(operation, "module");
    if (module == nullptr || module->text.empty()) {
      error(module == nullptr ? operation.begin : module->begin, "the operation has no module, such as \"file\"");
    } else if (std::find(kModules.begin(), kModules.end(), module->text) == kModules.end()) {
      const auto nearest = nearest_name(module->text, kModules);
      if (!nearest.empty() && edit_distance(nearest, module->text) <= 2)
        warn(module->begin,
             "\"" + module->text + "\" is no module that comes with MIG: did you mean \"" + nearest + "\"?");
    }
    const auto* parameters = find(operation, "parameters");
    if (parameters == nullptr) return warn(operation.begin, "the operation has no parameters");
    const auto* compressed = find(operation, "is_compressed");
    if (compressed != nullptr && compressed->boolean && parameters->kind != Kind::string)
      error(parameters->begin,
            "is_compressed says that the parameters are compressed already, and they are no text of base64; "
            "want_compressed has them compressed at launch");
  }

  const std::filesystem::path& file_;
  const std::string_view text_;
  const Macros& macros_;
  Problems& problems_;
};

// The API reads a posted form of 10 MiB at most (Go's ParseForm), each byte of it percent-encoded.
void check_post_size(const std::filesystem::path& file, mig::Action action, Problems& problems) {
  constexpr std::size_t kMaxForm = std::size_t{10} << 20U;
  const Timestamp any{};
  if (!action.prepare("mig-runner: ", any, any)) return;  // told by the launch
  const auto size = percent_encode(action.document({})).size();
  if (size <= kMaxForm) return;
  problems.push_back({file, 0, 0,
                      "as it is posted the action has " + std::to_string(size) + " bytes, and the API takes at most " +
                          std::to_string(kMaxForm >> 20U) + " MiB (" + std::to_string(kMaxForm) +
                          " bytes): want_compressed makes parameters smaller"});
}

}  // namespace

void check_action(const std::filesystem::path& file, std::string_view text, const Macros& macros, Problems& problems) {
  const auto root = mig::read_json(text);
  if (!root || root->kind != Kind::object) return;
  auto action = mig::Action::parse(text);
  if (!action) return;
  ActionCheck(file, text, macros, problems).check(*root);
  if (text.size() > kSmallAction) check_post_size(file, std::move(*action), problems);
}

}  // namespace mig_runner::cli

#include "cli/findings.h"

#include <fmt/format.h>

#include "mig/result_reader.h"
#include "runner/result_file.h"

namespace mig_runner::cli {
namespace {

std::string text_at(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (!object.is_object() || found == object.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump(-1, ' ', false, Json::error_handler_t::replace);
}

const Json& member(const Json& object, const char* key) {
  static const Json none;
  if (!object.is_object()) return none;
  const auto found = object.find(key);
  return found == object.end() ? none : *found;
}

// The file module lists a nameless file for a search that found nothing.
std::string file_text(const Json& element) {
  auto text = text_at(element, "file");
  if (text.empty()) return text;
  if (const auto sum = text_at(member(element, "fileinfo"), "sha256"); !sum.empty()) text += " sha256 " + sum;
  return text;
}

std::string package_text(const Json& element) {
  return fmt::format("{} {}", text_at(element, "name"), text_at(element, "version"));
}

std::string socket_text(const Json& element) {
  const auto address = [&](const char* host, const char* port) {
    const auto number = text_at(element, port);
    return text_at(element, host) + (number.empty() ? "" : ":" + number);
  };
  const auto remote = address("remoteaddr", "remoteport");
  return address("localaddr", "localport") + (remote.empty() ? "" : " - " + remote);
}

std::string element_text(const std::string& module, const Json& element) {
  if (element.is_string()) return element.get<std::string>();
  if (module == "file" && element.contains("file")) return file_text(element);
  if (module == "pkg" && element.contains("name")) return package_text(element);
  if (module == "netstat" && element.contains("localaddr")) return socket_text(element);
  return element.dump(-1, ' ', false, Json::error_handler_t::replace);
}

class Answer {
 public:
  Answer(const Json& command, const std::vector<std::string>& modules) {
    answer_.agent = text_at(member(command, "agent"), "name");
    answer_.status = text_at(command, "status");
    const auto& results = member(command, "results");
    for (std::size_t i = 0; results.is_array() && i < results.size(); ++i)
      add_result(i < modules.size() ? modules[i] : "", results[i]);
  }
  AgentAnswer take() { return std::move(answer_); }

 private:
  void add_result(const std::string& module, const Json& result) {
    for (const auto& error : member(result, "errors")) answer_.errors.push_back(element_text("", error));
    const auto& found = member(result, "foundanything");
    if (!found.is_boolean() || !found.get<bool>()) return;
    const auto& elements = member(result, "elements");
    if (!elements.is_object()) return add(module, "", elements);
    for (const auto& [search, value] : elements.items()) add_search(module, search, value);
  }

  // Netstat has one list for each address or port that was asked for.
  void add_search(const std::string& module, const std::string& search, const Json& value) {
    if (module != "netstat" || !value.is_object()) return add(module, search, value);
    for (const auto& [asked, list] : value.items()) add(module, search + " " + asked, list);
  }

  void add(const std::string& module, const std::string& search, const Json& value) {
    if (value.is_null()) return;
    if (value.is_array()) {
      for (const auto& element : value) add(module, search, element);
      return;
    }
    if (auto text = element_text(module, value); !text.empty())
      answer_.findings.insert({answer_.agent, module, search, std::move(text)});
  }

  AgentAnswer answer_;
};

std::vector<std::string> modules_of(const Json& action) {
  std::vector<std::string> modules;
  for (const auto& operation : member(action, "operations")) modules.push_back(text_at(operation, "module"));
  return modules;
}

Result<Json> parse(std::string_view json, const char* what) {
  auto value = Json::parse(json, nullptr, false);
  if (value.is_discarded()) return fail(std::string(what) + " in it is no JSON");
  return value;
}

}  // namespace

Result<void> read_answers(const std::filesystem::path& file, const std::function<void(AgentAnswer)>& take) {
  std::vector<std::string> modules;
  mig::ResultReader reader(
      [&](std::string_view json) -> Result<void> {
        const auto action = parse(json, "the action");
        if (!action) return tl::unexpected(action.error());
        modules = modules_of(*action);
        return {};
      },
      [&](std::string_view json) -> Result<void> {
        const auto command = parse(json, "a command");
        if (!command) return tl::unexpected(command.error());
        take(Answer(*command, modules).take());
        return {};
      });
  return runner::read_result(file, reader);
}

Json finding_json(const Finding& finding) {
  return {{"agent", finding.agent},
          {"module", json_text(finding.module)},
          {"search", json_text(finding.search)},
          {"found", finding.what}};
}

Table findings_table() {
  return Table({{"AGENT", true}, {"MODULE"}, {"SEARCH", true}, {"FOUND", true}});
}

std::vector<Table::Cell> finding_cells(const Finding& finding) {
  return {finding.agent, finding.module, finding.search, finding.what};
}

}  // namespace mig_runner::cli

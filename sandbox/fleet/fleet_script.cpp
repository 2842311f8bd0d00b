#include "sandbox/fleet/fleet_script.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "mig/json_writer.h"
#include "sandbox/agent/pattern.h"
#include "sandbox/base/go_json.h"
#include "sandbox/base/parameters.h"

namespace mig_sandbox {
namespace {

using mig_runner::mig::json_string;
using nlohmann::json;

// The characters of a regular expression that stand for themselves, as a name it might find.
std::string plain_name(std::string_view pattern) {
  std::string name;
  for (const char c : pattern) {
    if (std::string_view("^$\\()[]|?*+{}").find(c) == std::string_view::npos) name += c;
  }
  return name.empty() ? "data" : name;
}

const json& member(const json& object, const char* name) {
  static const json nothing;
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found == object.end() ? nothing : *found;
}

std::string first_text(const json& list, std::string fallback) {
  return list.is_array() && !list.empty() && list[0].is_string() ? list[0].get<std::string>() : fallback;
}

bool is_true(const json& value) {
  return value.is_boolean() && value.get<bool>();
}

// The file that a search finds. One without names that asks for anything but contents looks through a directory.
std::string plausible_file(const json& search, const std::string& path) {
  const json& names = member(search, "names");
  if (!names.empty()) return path + "/" + plain_name(first_text(names, "data"));
  for (const char* kind : {"sizes", "modes", "mtimes", "md5", "sha1", "sha2", "sha3"}) {
    if (!member(search, kind).empty()) return path + "/settings.conf";
  }
  return path;
}

std::string plausible_mode(const json& search) {
  const auto wanted = Pattern::compile(first_text(member(search, "modes"), "."));
  for (const char* mode : {"-rw-r--r--", "-rwxr-xr-x", "-rw-rw-rw-", "urwxr-xr-x"}) {
    if (wanted && wanted->holds_for(mode)) return mode;
  }
  return "-rwxrwxrwx";
}

// The SHA-256 that a search asks for, as agents write it; empty where it asks for none.
std::string wanted_hash(const json& search) {
  std::string hash = first_text(member(search, "sha2"), "");
  for (char& c : hash) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  return hash.size() == 64 ? hash : "";
}

// The options of a file search as agents echo them.
json echo_options(const json& given) {
  json options = {{"macroal", false}, {"matchall", is_true(member(given, "matchall"))},
                  {"matchlimit", 0},  {"maxdepth", 0},
                  {"maxerrors", 0},   {"mismatch", nullptr}};
  if (is_true(member(given, "returnsha256"))) options["returnsha256"] = true;
  return options;
}

void append_milliseconds(std::string& out, Dice& dice) {
  out += std::to_string(1 + dice.below(40)) + '.' + std::to_string(100000 + dice.below(900000)) + "ms";
}

void append_result_head(std::string& out, bool found) {
  out += found ? R"({"foundanything":true,"success":true,"elements":)"
               : R"({"foundanything":false,"success":true,"elements":)";
}

}  // namespace

// Reads one operation into what append_result needs.
struct FleetScript::Reader {
  static Operation read(const json& source) {
    Operation operation;
    const std::string module = member(source, "module").is_string() ? source["module"].get<std::string>() : "";
    json parameters = member(source, "parameters");
    if (is_true(member(source, "is_compressed"))) {
      const auto text = decompress(parameters.is_string() ? parameters.get<std::string>() : "");
      if (!text) return failing(text.error().what);
      parameters = json::parse(*text, nullptr, false);
    }
    if (module == "file") return read_file(parameters);
    if (module == "pkg") return read_packages(parameters);
    if (module == "netstat") return read_netstat(parameters);
    if (module == "ping") return read_ping(parameters);
    return failing("module '" + module + "' is not available");
  }

  static Operation failing(std::string problem) {
    Operation operation;
    operation.problem = std::move(problem);
    return operation;
  }

  static Operation read_file(const json& parameters) {
    const json& searches = member(parameters, "searches");
    if (!searches.is_object() || searches.empty()) return failing("no search in the parameters of the file module");
    Operation operation;
    operation.module = Module::file;
    for (const auto& [label, search] : searches.items()) {
      Question question;
      question.label = json_string(label);
      json echo = search;
      if (!echo.is_object()) return failing("a search of the file module is not an object");
      echo["options"] = echo_options(member(search, "options"));
      const std::string echoed = go_json(echo);
      const std::string path = first_text(member(search, "paths"), "");
      if (path.empty()) return failing("invalid empty search path, must have at least one search path");
      question.answer = json_string(plausible_file(search, path)) + "|" + echoed;
      question.mode = plausible_mode(search);
      question.hash = wanted_hash(search);
      if (!is_true(echo["options"]["matchall"]) && !member(search, "names").empty())
        question.nothing = R"([{"file":"","fileinfo":{"lastmodified":"","mode":"","size":0},"search":)" + echoed + "}]";
      question.with_hash = echo["options"].contains("returnsha256");
      operation.questions.push_back(std::move(question));
    }
    return operation;
  }

  static Operation read_packages(const json& parameters) {
    const json& matches = member(member(parameters, "pkgmatch"), "matches");
    if (!matches.is_array()) return failing("no matches in the parameters of the pkg module");
    Operation operation;
    operation.module = Module::pkg;
    for (const auto& pattern : matches)
      operation.questions.push_back(
          {{}, {}, json_string(plain_name(pattern.is_string() ? pattern.get<std::string>() : ""))});
    return operation;
  }

  static Operation read_netstat(const json& parameters) {
    if (!parameters.is_object()) return failing("no parameters for the netstat module");
    Operation operation;
    operation.module = Module::netstat;
    for (const auto& [kind, values] : parameters.items()) {
      if (!values.is_array()) continue;
      for (const auto& value : values) {
        const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
        operation.questions.push_back({json_string(text), kind, text});
      }
    }
    return operation;
  }

  static Operation read_ping(const json& parameters) {
    Operation operation;
    operation.module = Module::ping;
    const json& host = member(parameters, "destination");
    const json& port = member(parameters, "destinationport");
    const json& protocol = member(parameters, "protocol");
    if (!host.is_string()) return failing("no destination in the parameters of the ping module");
    operation.host = host.get<std::string>();
    if (port.is_number()) operation.host += ":" + port.dump();
    operation.protocol = protocol.is_string() ? protocol.get<std::string>() : "icmp";
    return operation;
  }
};

FleetScript::FleetScript(std::string_view operations) {
  const json list = json::parse(operations.begin(), operations.end(), nullptr, false);
  if (!list.is_array()) return;
  for (const auto& operation : list) operations_.push_back(Reader::read(operation));
}

void FleetScript::append_empty(std::string& out) const {
  out += '[';
  for (std::size_t i = 0; i < size(); ++i) {
    if (i != 0) out += ',';
    out += R"({"foundanything":false,"success":false,"elements":null,"statistics":null,"errors":null})";
  }
  out += ']';
}

void FleetScript::append_failure(std::string& out, std::string_view error) {
  out += R"({"foundanything":false,"success":false,"elements":null,"statistics":null,"errors":[)";
  mig_runner::mig::append_json_string(out, error);
  out += "]}";
}

std::uint64_t FleetScript::seed(std::size_t operation) const {
  std::uint64_t sum = 0xcbf29ce484222325U;  // FNV-1a
  for (const auto& question : operations_[operation].questions)
    for (const auto* text : {&question.group, &question.label})
      for (const unsigned char c : *text) sum = (sum ^ c) * 0x100000001b3U;
  return sum;
}

void FleetScript::append_result(std::string& out, std::size_t index, bool found, Dice dice) const {
  const Operation& operation = operations_[index];
  switch (operation.module) {
    case Module::none:
      return append_failure(out, operation.problem);
    case Module::file:
      return append_file(out, operation, found, dice);
    case Module::pkg:
      return append_packages(out, operation, found, dice);
    case Module::netstat:
      return append_netstat(out, operation, found, dice);
    case Module::ping:
      return append_ping(out, operation, found, dice);
  }
}

void FleetScript::append_file(std::string& out, const Operation& operation, bool found, Dice& dice) const {
  append_result_head(out, found);
  char separator = '{';
  int hits = 0;
  for (const auto& question : operation.questions) {
    out += separator + question.label + ':';
    const bool hit = found && (separator == '{' || dice.chance(0.3));
    separator = ',';
    if (!hit) {
      out += question.nothing;
      continue;
    }
    ++hits;
    const std::size_t bar = question.answer.rfind('|');
    std::array<char, 200> info{};
    std::snprintf(info.data(), info.size(), R"("lastmodified":"2026-%02u-%02u %02u:%02u:%02u.%09u +0000 UTC",)",
                  1 + dice.below(10), 1 + dice.below(28), dice.below(24), dice.below(60), dice.below(60),
                  100000000 + dice.below(800000000));
    out += R"([{"file":)" + question.answer.substr(0, bar) + R"(,"fileinfo":{)" + info.data() + R"("mode":)" +
           json_string(question.mode) + ",";
    if (question.with_hash && !question.hash.empty()) {
      out += R"("sha256":)" + json_string(question.hash) + ",";
    } else if (question.with_hash) {
      std::array<char, 80> hash{};
      std::snprintf(hash.data(), hash.size(), "%016llX%016llX%016llX%016llX",
                    static_cast<unsigned long long>(dice.roll()), static_cast<unsigned long long>(dice.roll()),
                    static_cast<unsigned long long>(dice.roll()), static_cast<unsigned long long>(dice.roll()));
      out += std::string(R"("sha256":")") + hash.data() + "\",";
    }
    out += R"("size":)" + std::to_string(10 + dice.below(200000)) + R"(},"search":)" + question.answer.substr(bar + 1) +
           "}]";
  }
  out += R"(},"statistics":{"exectime":")";
  append_milliseconds(out, dice);
  out += R"(","filescount":)" + std::to_string(hits + static_cast<int>(dice.below(3000))) +
         R"(,"openfailed":0,"totalhits":)" + std::to_string(hits) + R"(},"errors":null})";
}

void FleetScript::append_packages(std::string& out, const Operation& operation, bool found, Dice& dice) const {
  append_result_head(out, found);
  out += R"({"packages":)";
  char separator = '[';
  for (const auto& question : operation.questions) {
    if (!found || (separator == ',' && dice.chance(0.4))) continue;
    out += separator;
    separator = ',';
    out += R"({"arch":"amd64","name":)" + question.answer + R"(,"type":"dpkg","version":")" +
           std::to_string(dice.below(9)) + '.' + std::to_string(dice.below(30)) + '.' + std::to_string(dice.below(12)) +
           "-1\"}";
  }
  out += separator == '[' ? "null" : "]";
  out += R"(},"statistics":{"execruntime":")";
  append_milliseconds(out, dice);
  out += R"("},"errors":null})";
}

void FleetScript::append_netstat(std::string& out, const Operation& operation, bool found, Dice& dice) const {
  append_result_head(out, found);
  out += '{';
  std::string_view group;
  bool hit_any = false;
  for (const auto& question : operation.questions) {
    if (question.group != group) {
      if (!group.empty()) out += "},";
      out += json_string(question.group) + ":{";
      group = question.group;
    } else {
      out += ',';
    }
    out += question.label + ':';
    const bool hit = found && (!hit_any || dice.chance(0.4));
    hit_any = hit_any || hit;
    if (!hit) {
      out += "null";
    } else if (question.group == "listeningport") {
      // The question is the port.
      const bool number = !question.answer.empty() && std::all_of(question.answer.begin(), question.answer.end(),
                                                                  [](char c) { return c >= '0' && c <= '9'; });
      out +=
          R"([{"localaddr":"0.0.0.0","localport":)" + (number ? question.answer : "0") + R"(,"namespace":"default"}])";
    } else if (question.group == "connectedip") {
      out += R"([{"localaddr":"10.0.0.)" + std::to_string(1 + dice.below(254)) + R"(","localport":)" +
             std::to_string(32768 + dice.below(28000)) + R"(,"namespace":"default","remoteaddr":)" + question.label +
             R"(,"remoteport":443}])";
    } else {
      out += R"([{"localaddr":"10.0.0.)" + std::to_string(1 + dice.below(254)) + "\"}]";
    }
  }
  out += group.empty() ? "}" : "}}";
  out += R"(,"statistics":{"examined":)" + std::to_string(20 + dice.below(900)) + R"(,"exectime":")";
  append_milliseconds(out, dice);
  out += R"(","totalhits":0},"errors":null})";
}

void FleetScript::append_ping(std::string& out, const Operation& operation, bool found, Dice& dice) const {
  append_result_head(out, found);
  const std::string latency = "0." + std::to_string(100000 + dice.below(900000));
  out += R"({"failures":)";
  out += found ? "null" : R"(["connection refused"])";
  out += R"(,"latencies":)" + (found ? "[" + latency + "]" : "null") + R"(,"protocol":)" +
         json_string(operation.protocol) + R"(,"resolvedhost":)" + json_string(operation.host) +
         R"(},"statistics":null,"errors":null})";
}

}  // namespace mig_sandbox

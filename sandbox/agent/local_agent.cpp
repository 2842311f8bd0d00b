#include "sandbox/agent/local_agent.h"

#include <exception>
#include <map>

#include "sandbox/agent/module.h"
#include "sandbox/agent/parameters.h"

namespace mig_sandbox {

using nlohmann::json;

namespace {

struct Module {
  Result<ModuleResult> (*run)(const json&, Timestamp, const Deadline&);
  json empty_statistics;
};

const Module* find_module(const std::string& name) {
  static const std::map<std::string, Module> modules = {{"file", {run_file, empty_file_statistics()}},
                                                        {"netstat", {run_netstat, empty_netstat_statistics()}},
                                                        {"ping", {run_ping, nullptr}},
                                                        {"pkg", {run_pkg, empty_pkg_statistics()}}};
  const auto found = modules.find(name);
  return found == modules.end() ? nullptr : &found->second;
}

ModuleResult failed(std::string reason, json elements, json statistics) {
  return {.found_anything = false,
          .success = false,
          .elements = std::move(elements),
          .statistics = std::move(statistics),
          .errors = {std::move(reason)}};
}

ModuleResult run_module(const std::string& name, const json& parameters, Timestamp now, const OperationLimits& limits) {
  const Module* const module = find_module(name);
  if (module == nullptr) return failed("module '" + name + "' is not available", nullptr, nullptr);
  const Deadline deadline(limits.time, limits.stop);
  const auto plain = parameters.is_string() ? decompress_parameters(parameters.get_ref<const std::string&>())
                                            : Result<json>(parameters);
  auto result = !plain ? tl::unexpected(plain.error()) : module->run(*plain, now, deadline);
  if (!result) return failed(result.error().text(), json::object(), module->empty_statistics);
  if (deadline.passed()) {
    result->success = false;
    result->errors.emplace_back("stopped at its time limit, the results are not complete");
  }
  return *std::move(result);
}

json as_json(ModuleResult result) {
  json document = {{"foundanything", result.found_anything},
                   {"success", result.success},
                   {"elements", std::move(result.elements)},
                   {"statistics", std::move(result.statistics)},
                   {"errors", result.errors.empty() ? json(nullptr) : json(std::move(result.errors))}};
  // Names of files may be any bytes; as Go does, what is not UTF-8 leaves as U+FFFD.
  return json::parse(document.dump(-1, ' ', false, json::error_handler_t::replace));
}

}  // namespace

json run_operation(const std::string& module, const json& parameters, Timestamp now, const OperationLimits& limits) {
  try {
    return as_json(run_module(module, parameters, now, limits));
  } catch (const std::exception& error) {
    return as_json(failed("module '" + module + "' failed: " + error.what(), nullptr, nullptr));
  }
}

}  // namespace mig_sandbox

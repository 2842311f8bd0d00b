#pragma once

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "sandbox/agent/local_agent.h"
#include "support/shell.h"

namespace mig_sandbox::test {

using nlohmann::json;

inline Timestamp wall_clock() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

inline json run(const std::string& module, const json& parameters) {
  return run_operation(module, parameters, wall_clock());
}

// One search with the label "s" over `paths`, with more members put into it.
inline json search_in(const std::vector<std::string>& paths, json more) {
  more["paths"] = paths;
  return {{"searches", {{"s", std::move(more)}}}};
}

inline std::set<std::string> files_of(const json& result, const std::string& label = "s") {
  std::set<std::string> files;
  for (const json& element : result.at("elements").at(label)) files.insert(element.at("file").get<std::string>());
  return files;
}

// What a shell command prints, line by line.
inline std::vector<std::string> lines_of(const std::string& command) {
  const std::string text = mig_runner::test::shell(command).text;
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

inline json sample(const std::string& name) {
  std::ifstream file(std::string(MIG_TEST_DATA) + "/samples/runner_result_" + name + ".json");
  return json::parse(file);
}

}  // namespace mig_sandbox::test

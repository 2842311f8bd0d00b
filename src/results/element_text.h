#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

// Findings of MIG's modules, as people read them. Private to the room.
namespace mig_runner::results {

using Json = nlohmann::ordered_json;

// The text of a member of an object; empty where it is not there or null.
std::string text_at(const Json& object, const char* key);
const Json& member(const Json& object, const char* key);

// Calls `take(search, what)` for each thing that a module found, by its result of one operation. Values that
// differ at every run by nature (latencies, the drift of a clock, the port that a connection got, a process's number)
// are left out, so that two runs that found the same have the same texts.
void each_finding(const std::string& module, const Json& result,
                  const std::function<void(const std::string& search, const std::string& what)>& take);

}  // namespace mig_runner::results

#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/time.h"
#include "config/problem.h"

// Reports as JSON; docs/commands.md lists the keys.
namespace mig_runner::report {

using Json = nlohmann::ordered_json;

// Times are UTC in RFC 3339 there.
inline Json json_time(const std::optional<Timestamp>& time) {
  return time ? Json(format_utc(*time)) : Json();
}

// An empty text is null: there is no such thing.
inline Json json_text(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

// A line or column of 0 is null: the file as a whole.
inline Json problem_json(const config::Problem& problem) {
  const auto place = [](int number) { return number > 0 ? Json(number) : Json(); };
  return {{"severity", problem.fatal ? "error" : "warning"},
          {"file", problem.file},
          {"line", place(problem.line)},
          {"column", place(problem.column)},
          {"message", problem.message}};
}

}  // namespace mig_runner::report

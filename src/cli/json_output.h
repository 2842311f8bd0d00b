#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>

#include "base/time.h"
#include "base/utf8.h"
#include "cli/command_line.h"
#include "config/problem.h"

// What --json prints; docs/commands.md lists the keys. Private to the room.
namespace mig_runner::cli {

using Json = nlohmann::ordered_json;

inline void print_json(const Streams& streams, const Json& json) {
  streams.out << printable_json(json.dump(2, ' ', false, Json::error_handler_t::replace)) << '\n';
}

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

}  // namespace mig_runner::cli

#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>

#include "base/time.h"
#include "cli/command_line.h"

// What --json prints; docs/commands.md lists the keys. Private to the room.
namespace mig_runner::cli {

using Json = nlohmann::ordered_json;

inline void print_json(const Streams& streams, const Json& json) {
  streams.out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

// Times are UTC in RFC 3339 there.
inline Json json_time(const std::optional<Timestamp>& time) {
  return time ? Json(format_utc(*time)) : Json();
}

// An empty text is null: there is no such thing.
inline Json json_text(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

}  // namespace mig_runner::cli

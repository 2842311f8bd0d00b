#pragma once

#include <ostream>

#include "base/utf8.h"
#include "cli/command_line.h"
#include "report/json.h"

// What --json prints. Private to the room.
namespace mig_runner::cli {

using report::Json;
using report::json_text;
using report::json_time;
using report::problem_json;

inline void print_json(const Streams& streams, const Json& json) {
  streams.out << printable_json(json.dump(2, ' ', false, Json::error_handler_t::replace)) << '\n';
}

}  // namespace mig_runner::cli

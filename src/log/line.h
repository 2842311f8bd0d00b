#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "log/sinks.h"

// Private to the room.
namespace mig_runner::log {

// "2026-11-23T08:00:00.123Z": always three digits, so that lines of a file stand in columns.
std::string stamp(Timestamp time);

// "2026-11-23T08:00:00.123Z info TEXT" and a line break.
std::string line_of(const Message& message);

// May block. False, with errno, where not all of it could be written.
bool write_line(int fd, std::string_view line);

// A complaint about the log itself, for standard error.
void complain(std::string_view what);

// Writes a line to standard error; drops it where that does not take it now.
void to_standard_error(std::string_view line);

}  // namespace mig_runner::log

#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "log/log.h"

// Private to the room.
namespace mig_runner::log {

// One line whatever the message holds: control characters as \n, \t, \x1b; invalid UTF-8 stays as it is.
std::string escaped(std::string_view message);

// "2026-11-23T08:00:00.123Z": always three digits, so that lines of a file stand in columns.
std::string stamp(Timestamp time);

// A complaint about the log itself, for standard error.
void complain(std::string_view what);

}  // namespace mig_runner::log

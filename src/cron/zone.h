#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/time.h"

namespace mig_runner::cron {

// A time zone of the system's tz database. Cheap to copy, immutable, safe from any thread.
//
// The database's own files (TZif, RFC 8536) are read here rather than through a library: Howard Hinnant's date::tz
// stops at 2037 with them, takes no POSIX TZ text and looks each time up anew; the C library knows only one zone a
// process. Every change of offset up to 2100 is worked out once, when a zone is loaded, from the file and from the rule
// at its end. A tz database that is updated counts for zones that are loaded afterwards and not in use yet.
class Zone {
 public:
  static Zone utc();
  // By tz database name ("Europe/Berlin"), or a POSIX rule with a comma or in angle brackets ("<+0330>-3:30",
  // "CET-1CEST,M3.5.0,M10.5.0/3"); an unknown name is an Error naming the nearest known zone. "UTC" is known without a
  // tz database. Plain "UTC+2" is refused, for POSIX means two hours west by it.
  static Result<Zone> find(std::string_view name);
  // What TZ names (a name, a path, both also after a colon, or any POSIX rule), else the machine's zone
  // (/etc/localtime), else UTC. As to the C library, an empty TZ is UTC; one that makes no sense is an Error.
  static Result<Zone> local();

  const std::string& name() const;
  // "2026-11-23 09:00:00 CET", for people; fractions of a second are cut off.
  std::string format_local(Timestamp time) const;

  struct Rules;  // transitions, prepared for Schedule
  const Rules& rules() const { return *rules_; }

 private:
  explicit Zone(std::shared_ptr<const Rules> rules) : rules_(std::move(rules)) {}
  std::shared_ptr<const Rules> rules_;
};

}  // namespace mig_runner::cron

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace mig_runner::cron {

// A time zone of the system's tz database. Cheap to copy, immutable, safe from any thread.
//
// The database's own files (TZif, RFC 8536) are read here rather than through a library: Howard Hinnant's date::tz
// stops at 2037 with them, takes no POSIX TZ text and looks each time up anew; the C library knows only one zone a
// process. Every change of offset up to 2100 is worked out once, when a zone is loaded, from the file and from the rule
// at its end. A zone that is in use keeps its rules when its file is replaced, until renew_zones().
class Zone {
 public:
  static Zone utc();
  // By tz database name ("Europe/Berlin"), or a POSIX rule with a comma or in angle brackets ("<+0330>-3:30",
  // "CET-1CEST,M3.5.0,M10.5.0/3"); an unknown name is an Error naming the nearest known zone. "UTC" is known without a
  // tz database. Plain "UTC+2" is refused, for POSIX means two hours west by it. Retry::later: the zone may exist, but
  // its file cannot be read now.
  static Result<Zone> find(std::string_view name);
  // What TZ names (a name, a path, both also after a colon, or any POSIX rule), else the machine's zone
  // (/etc/localtime), else UTC. As to the C library, an empty TZ is UTC, and so is a machine without /etc/localtime. A
  // TZ that makes no sense, and an /etc/localtime that cannot be used, is an Error.
  static Result<Zone> local();

  const std::string& name() const;
  // The name; of a file outside the tz database, which may be replaced by another zone's, with a digest of its rules.
  std::string identity() const;
  // The same name and rules.
  bool operator==(const Zone& other) const;
  // "2026-11-23 09:00:00 CET", for people; fractions of a second are cut off.
  std::string format_local(Timestamp time) const;

  struct Rules;  // transitions, prepared for Schedule
  const Rules& rules() const { return *rules_; }

 private:
  explicit Zone(std::shared_ptr<const Rules> rules) : rules_(std::move(rules)) {}
  std::shared_ptr<const Rules> rules_;
};

// A zone in use whose file was replaced.
struct ZoneChange {
  enum class Kind {
    changed,  // it has other rules now, and perhaps another name
    kept,     // the file cannot be used: the zone keeps its last good rules
    usable,   // a file that could not be used can be used again, or for the first time
  };
  Kind kind = Kind::changed;
  std::string text;                        // a sentence for the log
  std::shared_ptr<const void> rules = {};  // new ones, kept until somebody finds the zone again
};

// Looks whether the files of the zones in use were replaced, and reads those anew: Zone::find() and Zone::local() give
// the new rules from then on. Also tries again what could not be found before. Each change is told once. Cheap: one
// look at each file.
std::vector<ZoneChange> renew_zones();

}  // namespace mig_runner::cron

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/time.h"

namespace mig_runner::cron {

// A time zone of the system's tz database. Cheap to copy, immutable, safe from any thread.
class Zone {
 public:
  static Zone utc();
  // By tz database name ("Europe/Berlin"); an unknown one is an Error naming the nearest known zone.
  static Result<Zone> find(std::string_view name);
  // What TZ names, else the machine's zone, else UTC.
  static Result<Zone> local();

  const std::string& name() const;
  // "2026-11-23 09:00:00 CET", for people.
  std::string format_local(Timestamp time) const;

  struct Rules;  // transitions, prepared for Schedule
  const Rules& rules() const { return *rules_; }

 private:
  explicit Zone(std::shared_ptr<const Rules> rules) : rules_(std::move(rules)) {}
  std::shared_ptr<const Rules> rules_;
};

}  // namespace mig_runner::cron

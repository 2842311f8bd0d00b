#include "cron/zone.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "cron/posix_tz.h"
#include "cron/zone_files.h"
#include "cron/zone_names.h"
#include "cron/zone_rules.h"

namespace mig_runner::cron {
namespace {

constexpr int kFirstKnownYear = 1969;  // of a zone that is given as a rule: schedules begin with 1970

constexpr auto kMachineZone = "/etc/localtime";

// Whether the name can be one of the tz database: nothing that leads out of its directory.
bool is_well_formed(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.back() == '/' || name.find("//") != std::string_view::npos)
    return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-_/") ==
         std::string_view::npos;
}

// "UTC+2" is no zone, and the nearest name, Etc/GMT+2, lies on the other side of Greenwich.
std::optional<std::string> fixed_offset_name(std::string_view name) {
  if (!name.starts_with("UTC") && !name.starts_with("GMT")) return std::nullopt;
  const auto offset = name.substr(3);
  if (offset.size() < 2 || (offset[0] != '+' && offset[0] != '-')) return std::nullopt;
  const auto hours = offset.substr(offset[1] == '0' ? 2 : 1);
  if (hours.empty() || hours.size() > 2 || hours.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  return fmt::format("Etc/GMT{}{}", offset[0] == '+' ? '-' : '+', hours);
}

tl::unexpected<Error> unknown_zone(std::string_view name) {
  const auto names = zone_names(zone_directory());
  if (names.empty()) {
    return fail(fmt::format("the time zone \"{}\" is not known: {} has no zones (package tzdata)", name,
                            zone_directory().string()));
  }
  const auto fixed = fixed_offset_name(name);
  if (fixed && std::find(names.begin(), names.end(), *fixed) != names.end()) {
    return fail(fmt::format("\"{}\" is not a known time zone; the one of that offset is {}", name, *fixed));
  }
  return fail(fmt::format("\"{}\" is not a known time zone; did you mean {}?", name, nearest_zone_name(name, names)));
}

Result<RulesPtr> rules_of_posix_tz(const std::string& text) {
  auto zone = PosixTz::parse(text);
  if (!zone) return tl::unexpected(std::move(zone.error()));
  return std::make_shared<const Zone::Rules>(text, zone->standard, zone->changes(kFirstKnownYear, kLastYear + 1));
}

Result<RulesPtr> find_rules(const std::string& name) {
  if (name == "UTC") return utc_rules();
  if (name.find_first_of(",<") != std::string::npos) return rules_of_posix_tz(name);
  if (!is_well_formed(name)) return unknown_zone(name);
  auto rules = ZoneFiles::shared().rules({ZoneFile::Kind::named, zone_directory() / name});
  if (!rules) return tl::unexpected(std::move(rules.error()));
  return *rules ? Result<RulesPtr>(std::move(**rules)) : unknown_zone(name);
}

// Of a file that is an Error where it is not there.
Result<RulesPtr> rules_of_file(const ZoneFile& file) {
  return ZoneFiles::shared().rules(file).map([](std::optional<RulesPtr> rules) { return std::move(*rules); });
}

// "CET-1CEST" or "UTC+2": no name of a zone, but to the C library it is a rule.
bool begins_like_rule(std::string_view text) {
  const auto name_end = text.find_first_of("+-0123456789");
  return name_end != std::string_view::npos && name_end >= 3 &&
         text.substr(0, name_end).find('/') == std::string_view::npos;
}

Result<RulesPtr> rules_of_tz_variable(std::string text) {
  if (!text.empty() && text.front() == ':') text.erase(0, 1);
  if (text.empty()) return utc_rules();
  if (text.front() == '/') return rules_of_file({ZoneFile::Kind::path, text});
  auto rules = find_rules(text);
  return rules || !begins_like_rule(text) ? rules : rules_of_posix_tz(text);
}

}  // namespace

Zone Zone::utc() {
  return Zone(utc_rules());
}

Result<Zone> Zone::find(std::string_view name) {
  return find_rules(std::string(name)).map([](RulesPtr rules) { return Zone(std::move(rules)); });
}

Result<Zone> Zone::local() {
  const char* variable = std::getenv("TZ");
  auto rules =
      variable == nullptr ? rules_of_file({ZoneFile::Kind::machine, kMachineZone}) : rules_of_tz_variable(variable);
  if (rules) return Zone(std::move(*rules));
  if (variable == nullptr) return tl::unexpected(std::move(rules.error()));
  return fail(rules.error().text(), "TZ", rules.error().retry);
}

const std::string& Zone::name() const {
  return rules_->name;
}

std::string Zone::identity() const {
  if (!rules_->name.starts_with('/')) return rules_->name;
  std::uint64_t digest = 14695981039346656037U;  // FNV-1a
  for (const auto& period : rules_->periods)
    for (const auto value : {static_cast<std::uint64_t>(period.begin), static_cast<std::uint64_t>(period.type.offset)})
      digest = (digest ^ value) * 1099511628211U;
  return fmt::format("{} {:016x}", rules_->name, digest);
}

bool Zone::operator==(const Zone& other) const {
  return rules_ == other.rules_ || *rules_ == *other.rules_;
}

std::vector<ZoneChange> renew_zones() {
  return ZoneFiles::shared().renew();
}

std::string Zone::format_local(Timestamp time) const {
  const Seconds utc = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  const auto& type = rules_->periods[rules_->period_at(utc)].type;
  const std::chrono::sys_seconds local{std::chrono::seconds{utc + type.offset}};
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{local - day};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} {}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), type.abbreviation);
}

}  // namespace mig_runner::cron

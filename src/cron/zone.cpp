#include "cron/zone.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>

#include "cron/posix_tz.h"
#include "cron/tzif.h"
#include "cron/zone_names.h"

namespace mig_runner::cron {
namespace {

constexpr int first_known_year = 1969;  // of a zone that is given as a rule: schedules begin with 1970

using RulesPtr = std::shared_ptr<const Zone::Rules>;

RulesPtr utc_rules() {
  static const auto rules = std::make_shared<const Zone::Rules>("UTC", LocalType{0, "UTC"}, std::vector<Change>{});
  return rules;
}

// Thousands of jobs share a few zones, each of which takes 10 to 30 KB and a file to read.
class SharedRules {
 public:
  RulesPtr find(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto known = by_name_.find(name);
    return known == by_name_.end() ? nullptr : known->second.lock();
  }
  void add(const RulesPtr& rules) {
    const std::lock_guard lock(mutex_);
    by_name_[rules->name] = rules;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<const Zone::Rules>> by_name_;
};

SharedRules& shared_rules() {
  static SharedRules rules;
  return rules;
}

// Whether the name can be one of the tz database: nothing that leads out of its directory.
bool is_well_formed(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.back() == '/' || name.find("//") != std::string_view::npos)
    return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-_/") ==
         std::string_view::npos;
}

Result<RulesPtr> read_zone_file(std::string name, const std::filesystem::path& path) {
  constexpr std::size_t largest = 1 << 16;  // the largest known have 4 KB
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return fail("there is no such time zone file", path.string());
  std::ifstream file(path, std::ios::binary);
  std::string bytes(largest, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (file.bad() || file.gcount() == 0) return fail("the time zone file cannot be read", path.string());
  auto rules = read_tzif(std::move(name), std::string_view(bytes).substr(0, static_cast<std::size_t>(file.gcount())));
  if (!rules) return fail(rules.error().what, path.string());
  return std::make_shared<const Zone::Rules>(std::move(*rules));
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
  return std::make_shared<const Zone::Rules>(text, zone->standard, zone->changes(first_known_year, last_year + 1));
}

Result<RulesPtr> find_rules(const std::string& name) {
  if (name == "UTC") return utc_rules();
  if (name.find_first_of(",<") != std::string::npos) return rules_of_posix_tz(name);
  if (!is_well_formed(name)) return unknown_zone(name);
  if (auto known = shared_rules().find(name)) return known;
  const auto path = zone_directory() / name;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return unknown_zone(name);
  auto rules = read_zone_file(name, path);
  if (rules) shared_rules().add(*rules);
  return rules;
}

// "/usr/share/zoneinfo/Europe/Berlin" is called Europe/Berlin; another file by its path.
std::string name_of_file(const std::filesystem::path& path) {
  const auto text = path.string();
  constexpr std::string_view mark = "/zoneinfo/";
  const auto at = text.find(mark);
  return at == std::string::npos ? text : text.substr(at + mark.size());
}

Result<RulesPtr> machine_rules() {
  const std::filesystem::path path = "/etc/localtime";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return utc_rules();
  const auto target = std::filesystem::read_symlink(path, error);
  auto name = name_of_file(error ? path : target);
  if (auto known = shared_rules().find(name)) return known;
  auto rules = read_zone_file(std::move(name), path);
  if (rules) shared_rules().add(*rules);
  return rules;
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
  if (text.front() == '/') return read_zone_file(name_of_file(text), text);
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
  auto rules = variable == nullptr ? machine_rules() : rules_of_tz_variable(variable);
  if (rules) return Zone(std::move(*rules));
  return variable == nullptr ? tl::unexpected(std::move(rules.error())) : fail(rules.error().text(), "TZ");
}

const std::string& Zone::name() const {
  return rules_->name;
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

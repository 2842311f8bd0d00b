#include "config/binder.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

#include "base/nearest.h"
#include "base/text.h"
#include "base/time.h"
#include "base/utf8.h"

namespace mig_runner::config {
namespace {

constexpr std::size_t kShownBytes = 80;

std::optional<bool> read_bool(const Setting& setting) {
  if (setting.blank) return true;
  for (const char* word : {"true", "yes", "on", "1"})
    if (Binder::same(setting.value, word)) return true;
  for (const char* word : {"false", "no", "off", "0"})
    if (Binder::same(setting.value, word)) return false;
  return std::nullopt;
}

// Decimal, also with leading zeros, or 0x.
std::optional<std::int64_t> read_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || text.front() == '-' || error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return negative ? -value : value;
}

std::string range_text(std::int64_t least, std::int64_t most) {
  if (most == INT64_MAX) return "a whole number from " + std::to_string(least) + " on";
  return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
}

}  // namespace

std::string Problem::text() const {
  std::string where = file;
  if (line > 0) where += ":" + std::to_string(line);
  if (line > 0 && column > 0) where += ":" + std::to_string(column);
  return where + ": " + message;
}

Binder::Binder(std::string_view text, std::string file, std::vector<Problem>& problems)
    : file_(std::move(file)), problems_(problems), first_problem_(problems.size()) {
  settings_ = read_git_config(text, file_, problems_);
}

bool Binder::same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string Binder::shown(const std::string& value) {
  return printable(std::string_view(value).substr(0, kShownBytes)) + (value.size() > kShownBytes ? ".." : "");
}

void Binder::problem(const Setting& setting, std::string message, bool fatal) {
  problems_.push_back(
      {file_, setting.value_line, setting.value_column, setting.name + ": " + std::move(message), fatal});
}

void Binder::problem(std::string message) {
  problems_.push_back({file_, 0, 0, std::move(message)});
}

std::vector<const Setting*> Binder::settings(std::string_view section, std::string_view name) {
  known_.emplace(lower(section), lower(name));
  std::vector<const Setting*> found;
  for (const auto& setting : settings_)
    if (!setting.has_subsection && same(setting.section, section) && same(setting.name, name))
      found.push_back(&setting);
  return found;
}

const Setting* Binder::last(std::string_view section, std::string_view name) {
  const auto found = settings(section, name);
  return found.empty() ? nullptr : found.back();
}

void Binder::text(std::string_view section, std::string_view name, std::string& out) {
  for (const auto* setting : settings(section, name)) {
    if (setting->blank) problem(*setting, "it needs a value: " + setting->name + " = ..");
    out = setting->value;
  }
}

void Binder::boolean(std::string_view section, std::string_view name, bool& out) {
  for (const auto* setting : settings(section, name)) {
    const auto value = read_bool(*setting);
    if (value) out = *value;
    if (!value)
      problem(*setting, "\"" + shown(setting->value) + "\" is neither true, yes, on, 1 nor false, no, off, 0");
  }
}

void Binder::integer(std::string_view section, std::string_view name, std::int64_t& out, std::int64_t least,
                     std::int64_t most) {
  for (const auto* setting : settings(section, name)) {
    const auto value = read_integer(setting->value);
    if (value) out = *value;
    const auto right = range_text(least, most);
    if (!value) {
      problem(*setting, "\"" + shown(setting->value) + "\" is not " + right);
    } else if (*value < least || *value > most) {
      problem(*setting, std::to_string(*value) + " is out of range: " + right + " is right");
    }
  }
}

void Binder::duration(std::string_view section, std::string_view name, std::chrono::milliseconds& out,
                      std::chrono::milliseconds least) {
  for (const auto* setting : settings(section, name)) {
    const auto value = parse_go_duration(setting->value);
    if (!value) {
      problem(*setting, value.error().what);
    } else if (*value < least) {
      problem(*setting, "\"" + shown(setting->value) + "\" is shorter than " + format_go_duration(least));
    } else {
      out = std::chrono::ceil<std::chrono::milliseconds>(*value);
    }
  }
}

std::string Binder::nearest_name(const Setting& setting) const {
  const auto section = lower(setting.section);
  const bool section_known =
      std::any_of(known_.begin(), known_.end(), [&](const auto& name) { return name.first == section; });
  const auto wrong = section_known ? lower(setting.name) : section;
  std::vector<std::string> candidates;
  for (const auto& [known_section, known_name] : known_) {
    if (!section_known || known_section == section) candidates.push_back(section_known ? known_name : known_section);
  }
  return nearest(candidates, [&](const std::string& candidate) { return edit_distance(wrong, candidate); });
}

void Binder::finish(KnownNames* known) {
  if (known != nullptr) known->insert(known_.begin(), known_.end());
  std::set<std::string> reported_sections;
  for (const auto& setting : settings_) {
    if (setting.cut)
      problem(setting, "the value ends where # or ; begins a comment: put it in double quotes if that belongs to it",
              false);
    const auto section = lower(setting.section);
    const bool section_known =
        std::any_of(known_.begin(), known_.end(), [&](const auto& name) { return name.first == section; });
    if (setting.has_subsection) {
      if (reported_sections.insert(section + "\"" + setting.subsection).second)
        problems_.push_back(
            {file_, setting.line, setting.column, "[" + shown(setting.section) + "] takes no name in quotes"});
    } else if (!section_known) {
      if (reported_sections.insert(section).second)
        problems_.push_back(
            {file_, setting.line, setting.column,
             "unknown section [" + shown(setting.section) + "]: did you mean [" + nearest_name(setting) + "]?"});
    } else if (!setting.name.empty() && !known_.contains({section, lower(setting.name)})) {
      problems_.push_back({file_, setting.line, setting.column,
                           "unknown setting \"" + shown(setting.name) + "\" in [" + section + "]: did you mean \"" +
                               nearest_name(setting) + "\"?"});
    }
  }
  std::stable_sort(
      problems_.begin() + static_cast<std::ptrdiff_t>(first_problem_), problems_.end(),
      [](const Problem& a, const Problem& b) { return std::tie(a.line, a.column) < std::tie(b.line, b.column); });
}

}  // namespace mig_runner::config

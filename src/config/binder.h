#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/git_config.h"

// Private to the room.
namespace mig_runner::config {

using KnownNames = std::set<std::pair<std::string, std::string>>;  // (section, name), lower case

// Carries settings into the fields of a configuration and notes what is wrong with them. Every name that was asked for
// is known; finish() reports the others. Names ignore case; the last of several settings wins, but each is checked.
class Binder {
 public:
  Binder(std::string_view text, std::string file, std::vector<Problem>& problems);

  // False after a syntax error: what is missing may stand in the rest, which was not read. Ask before anything else.
  bool readable() const { return problems_.size() == first_problem_; }

  void text(std::string_view section, std::string_view name, std::string& out);
  void boolean(std::string_view section, std::string_view name, bool& out);
  void integer(std::string_view section, std::string_view name, std::int64_t& out, std::int64_t least,
               std::int64_t most);
  // Go durations; `least` in milliseconds.
  void duration(std::string_view section, std::string_view name, std::chrono::milliseconds& out,
                std::chrono::milliseconds least);
  template <class Value>
  void choice(std::string_view section, std::string_view name, Value& out,
              const std::vector<std::pair<std::string_view, Value>>& choices) {
    for (const auto* setting : settings(section, name)) {
      bool known = false;
      for (const auto& [word, value] : choices) {
        if (!same(setting->value, word)) continue;
        out = value;
        known = true;
      }
      if (known) continue;
      std::string words;
      for (const auto& [word, value] : choices) words += (words.empty() ? "" : ", ") + std::string(word);
      problem(*setting, "\"" + shown(setting->value) + "\" is none of " + words);
    }
  }

  // The setting that counts, or null. Marks the name as known.
  const Setting* last(std::string_view section, std::string_view name);
  // All of that name, in order. Marks it as known.
  std::vector<const Setting*> settings(std::string_view section, std::string_view name);

  // Something wrong with a setting's value.
  void problem(const Setting& setting, std::string message, bool fatal = true);
  // Something wrong with the file as a whole.
  void problem(std::string message);

  // Reports unknown names and puts the problems of this file in order. Adds the known ones to `known`, where given.
  void finish(KnownNames* known = nullptr);

  // A value as it may stand in a message: short, without control characters.
  static std::string shown(const std::string& value);
  // Compares ignoring the case of ASCII letters.
  static bool same(std::string_view a, std::string_view b);

 private:
  std::string nearest_name(const Setting& setting) const;

  const std::string file_;
  std::vector<Problem>& problems_;
  const std::size_t first_problem_;
  std::vector<Setting> settings_;
  KnownNames known_;
};

}  // namespace mig_runner::config

#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mig_runner::cron {

// One of the seven fields of an expression: what may stand in it.
struct FieldKind {
  enum class Id { second, minute, hour, month_day, month, week_day, year };

  Id id;
  std::string_view name;                    // as in messages
  int low;                                  // what * begins with
  int high;                                 // what * and "a/n" end with
  int highest;                              // the highest number that may be written: 7 is Sunday, too
  std::span<const std::string_view> names;  // lower case, the first stands for `low`; short forms have 3 letters

  // What may be written, as a hint: "1 to 12 or jan to dec".
  std::string expected() const;

  // Reads "7", "07", "jul" or "july" (lower case); nullopt where that is not a value of the field.
  std::optional<int> value(std::string_view text) const;
};

// In the order of an expression with all seven.
extern const std::array<FieldKind, 7> kFieldKinds;

}  // namespace mig_runner::cron

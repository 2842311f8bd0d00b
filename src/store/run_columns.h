#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "store/run.h"

namespace mig_runner::store {

// How a column is shown to people as JSON.
enum class Shown {
  no,
  yes,          // an empty text and a time that has not happened are null
  unless_zero,  // a number that is null where it is 0
};

// A column of the table `runs` for each field of a Run that changes in its life. Statements, schema and JSON are made
// from them, in this order.
struct RunColumn {
  using Field = std::variant<RunState Run::*, std::optional<Timestamp> Run::*, int Run::*, std::int64_t Run::*,
                             bool Run::*, std::string Run::*>;
  std::string_view name;
  Field field;
  Shown shown;
  // A number that lies outside of these was not written by mig-runner.
  std::int64_t least = 0, most = 1'000'000'000;
  // The version of the schema that brought it. The first version names its columns itself.
  int since = 1;

  bool is_text() const { return std::holds_alternative<std::string Run::*>(field); }
  bool is_time() const { return std::holds_alternative<std::optional<Timestamp> Run::*>(field); }
};

inline constexpr std::int64_t kMostCommands = 1'000'000'000'000;
inline constexpr std::int64_t kMostActionId = INT64_MAX;

inline constexpr std::array kRunColumns{
    RunColumn{"state", &Run::state, Shown::yes},
    RunColumn{"wake", &Run::wake, Shown::no},
    RunColumn{"deadline", &Run::deadline, Shown::no},
    RunColumn{"attempts", &Run::attempts, Shown::no},
    RunColumn{"failures", &Run::failures, Shown::no},
    RunColumn{"reason", &Run::reason, Shown::yes},
    RunColumn{"action_id", &Run::action_id, Shown::unless_zero, 0, kMostActionId},
    RunColumn{"plugin", &Run::plugin, Shown::yes},
    RunColumn{"valid_from", &Run::valid_from, Shown::yes},
    RunColumn{"expire_after", &Run::expire_after, Shown::yes},
    RunColumn{"posted_at", &Run::posted_at, Shown::yes},
    RunColumn{"stored_at", &Run::stored_at, Shown::yes},
    RunColumn{"delivered_at", &Run::delivered_at, Shown::yes},
    RunColumn{"result_file", &Run::result_file, Shown::yes},
    RunColumn{"commands", &Run::commands, Shown::yes, 0, kMostCommands},
    RunColumn{"expected", &Run::expected, Shown::yes, 0, kMostCommands},
    RunColumn{"complete", &Run::complete, Shown::yes, INT64_MIN, INT64_MAX},
    RunColumn{"recollections", &Run::recollections, Shown::no, -1'000'000'000},
    RunColumn{"launched_by", &Run::launched_by, Shown::yes, 0, 0, 3},
    RunColumn{"collected_by", &Run::collected_by, Shown::yes, 0, 0, 3},
    RunColumn{"delivered_by", &Run::delivered_by, Shown::yes, 0, 0, 3},
};

}  // namespace mig_runner::store

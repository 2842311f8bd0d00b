#include "report/run.h"

#include <utility>
#include <variant>

#include "stages/run_flow.h"
#include "store/run_columns.h"

namespace mig_runner::report {
namespace {

using store::Run;
using store::RunState;

bool is_incomplete(const Run& run) {
  return !run.result_file.empty() && !run.complete;
}

bool had_no_agents(const Run& run) {
  return run.stored_at && run.complete && run.expected == 0;
}

Json json_field(RunState state) {
  return store::state_name(state);
}

Json json_field(const std::optional<Timestamp>& time) {
  return json_time(time);
}

Json json_field(const std::string& text) {
  return json_text(text);
}

template <class Number>
Json json_field(Number number) {
  return number;
}

}  // namespace

bool has_remark(const Run& run) {
  if (run.state != RunState::stored && run.state != RunState::delivered) return false;
  return is_incomplete(run) || !stages::ResultReason::of(run).results.empty();
}

std::string outcome_text(const Run& run) {
  return std::string(store::state_name(run.state)) + (is_incomplete(run)   ? ", incomplete"
                                                      : had_no_agents(run) ? ", no agents"
                                                                           : "");
}

Outcome outcome(const Run& run) {
  switch (run.state) {
    case RunState::delivered:
    case RunState::stored:
      return has_remark(run) ? Outcome::in_between : Outcome::good;
    case RunState::sent:
      return Outcome::good;
    case RunState::unknown:
    case RunState::skipped:
      return Outcome::in_between;
    case RunState::refused:
    case RunState::missed:
    case RunState::invalid:
    case RunState::collect_failed:
    case RunState::undeliverable:
      return Outcome::bad;
    case RunState::due:
    case RunState::signed_:
    case RunState::posted:
      return Outcome::under_way;
  }
  return Outcome::under_way;
}

std::string commands_text(const Run& run) {
  if (!run.stored_at) return "";
  if (run.commands >= run.expected) return std::to_string(run.commands);
  return std::to_string(run.commands) + " of " + std::to_string(run.expected);
}

std::string deeds_text(const Run& run) {
  std::string text;
  const std::string* last = nullptr;
  const auto add = [&](const char* deed, const std::string& member) {
    if (member.empty()) return;
    if (last != nullptr) text += *last == member ? ", " : ' ' + *last + "; ";
    text += deed;
    last = &member;
  };
  add("launched", run.launched_by);
  add("collected", run.collected_by);
  add("delivered", run.delivered_by);
  return last == nullptr ? text : text + ' ' + *last;
}

bool has_ended(const Run& run) {
  switch (run.state) {
    case RunState::due:
    case RunState::signed_:
    case RunState::unknown:
      return false;
    case RunState::posted:
      return !run.result_file.empty();
    case RunState::stored:
      return !run.wake;
    default:
      return true;
  }
}

Json run_json(const Run& run) {
  Json json{{"run", run.name()}, {"job", run.job}, {"time", json_time(run.nominal)}};
  for (const auto& column : store::kRunColumns) {
    if (column.shown == store::Shown::no) continue;
    auto value = std::visit([&](auto field) { return json_field(run.*field); }, column.field);
    const bool is_none = column.shown == store::Shown::unless_zero && value == 0;
    json[std::string(column.name)] = is_none ? Json() : std::move(value);
  }
  return json;
}

}  // namespace mig_runner::report

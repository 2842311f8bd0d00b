#include "store/run.h"

#include <array>

namespace mig_runner::store {
namespace {

struct Named {
  RunState state;
  std::string_view name;
};
constexpr std::array<Named, 13> kNames{{{RunState::due, "due"},
                                        {RunState::signed_, "signed"},
                                        {RunState::unknown, "unknown"},
                                        {RunState::posted, "posted"},
                                        {RunState::stored, "stored"},
                                        {RunState::delivered, "delivered"},
                                        {RunState::sent, "sent"},
                                        {RunState::refused, "refused"},
                                        {RunState::missed, "missed"},
                                        {RunState::skipped, "skipped"},
                                        {RunState::invalid, "invalid"},
                                        {RunState::collect_failed, "collect failed"},
                                        {RunState::undeliverable, "undeliverable"}}};

}  // namespace

std::string_view state_name(RunState state) {
  for (const auto& named : kNames)
    if (named.state == state) return named.name;
  return "?";
}

std::optional<RunState> state_from_name(std::string_view name) {
  for (const auto& named : kNames)
    if (named.name == name) return named.state;
  return std::nullopt;
}

std::string Run::name() const {
  return job + "@" + format_utc(nominal);
}

std::optional<std::pair<std::string, Timestamp>> parse_run_name(std::string_view name) {
  const auto at = name.rfind('@');
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  const auto nominal = parse_rfc3339(name.substr(at + 1));
  if (!nominal) return std::nullopt;
  return std::pair(std::string(name.substr(0, at)), *nominal);
}

}  // namespace mig_runner::store

#pragma once

#include <algorithm>
#include <ostream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "store/run.h"
#include "store/run_columns.h"

namespace mig_runner::store {

inline Timestamp at(std::string_view text) {
  return parse_rfc3339(text).value();
}

// A run with something in every field.
inline Run full_run() {
  Run run;
  run.job = "patch level.v2";
  run.nominal = at("2026-11-23T08:00:00.25Z");
  run.state = RunState::posted;
  run.wake = at("2026-11-23T08:05:00Z");
  run.deadline = at("2026-11-24T08:05:00Z");
  run.attempts = 3;
  run.failures = 2;
  run.reason = "it's \"refused\"; :job % \\ \n Grüße \xF0\x9F\x9A\x80";
  run.plugin = "to-jira.py";
  run.action_id = 28060121891395;
  run.valid_from = at("1969-12-31T23:59:00Z");
  run.expire_after = at("9999-12-31T23:59:59.999Z");
  run.posted_at = at("2026-11-23T08:00:01Z");
  run.stored_at = at("2026-11-23T08:05:01Z");
  run.delivered_at = at("2026-11-23T08:05:02Z");
  run.result_file = "runners/patch level.v2/results/20261123/28060121891395.json";
  run.commands = 99'999;
  run.expected = 100'000;
  run.complete = true;
  run.recollections = 1;
  run.launched_by = "one.example.net:/var/lib/mig-runner";
  run.collected_by = "two.example.net:/var/lib/mig-runner";
  run.delivered_by = "three.example.net:/srv";
  return run;
}

inline bool is_equal(const Run& a, const Run& b, const RunColumn& column) {
  return std::visit([&](auto field) { return a.*field == b.*field; }, column.field);
}
inline bool operator==(const Run& a, const Run& b) {
  return a.number == b.number && a.job == b.job && a.nominal == b.nominal &&
         std::all_of(kRunColumns.begin(), kRunColumns.end(),
                     [&](const auto& column) { return is_equal(a, b, column); });
}
// Takes a database's columns of runs back to an older version of the schema.
inline std::vector<std::string> drop_columns_newer_than(int version) {
  std::vector<std::string> statements;
  for (const auto& column : kRunColumns)
    if (column.since > version) statements.push_back("ALTER TABLE runs DROP COLUMN " + std::string(column.name));
  return statements;
}

inline void PrintTo(const Run& run, std::ostream* out) {
  *out << '#' << run.number << ' ' << run.name() << ' ' << state_name(run.state) << " \"" << run.reason << '"';
}

}  // namespace mig_runner::store

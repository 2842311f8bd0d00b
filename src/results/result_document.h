#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace mig_runner::results {

// The document a plugin reads and results/ keeps: {"action":..,"commands":[..],"name":JOB,"plugin":NAME}. It is written
// as a stream: result_head, the commands separated by commas, result_tail. Samples: tests/data/samples.
std::string result_head(std::string_view action_json);
std::string result_tail(std::string_view job, std::string_view plugin);

// What an original runner left in inflight/ID.json: a result document with "commands": null.
struct InflightRecord {
  std::int64_t action_id = 0;
  std::string action_json;  // as it stands in the document
  std::string action_name;
  Timestamp valid_from;
  Timestamp expire_after;
  std::string job;
  std::string plugin;
};
Result<InflightRecord> parse_inflight(std::string_view json);

}  // namespace mig_runner::results

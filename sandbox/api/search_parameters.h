#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sandbox/base/form.h"
#include "sandbox/base/times.h"

namespace mig_sandbox {

// What a search asks for: read from the query as the server does, and echoed in each answer.
struct SearchParameters {
  static SearchParameters defaults(Timestamp now);

  // Reads the query; an Error is the server's text, and what was read before it stays.
  Result<void> read(const Form& query);
  // The item "search parameters" of an answer, as JSON text.
  std::string document() const;
  // The query of the next page.
  std::string next_page() const;

  // Whether a pattern or an id is no condition; one that is empty is a condition.
  static bool is_any(const std::string& value) { return value == "%" || value == kAnyId; }

  static constexpr const char* kAnyId = "\u221E";
  std::string type = "action";
  std::string action_id = kAnyId;
  std::string action_name = "%";
  std::string agent_id = kAnyId;
  std::string agent_name = "%";
  std::string agent_version = "%";
  std::string command_id = kAnyId;
  std::string investigator_id = kAnyId;
  std::string investigator_name = "%";
  std::string loader_id = kAnyId;
  std::string loader_name = "%";
  std::string manifest_id = kAnyId;
  std::string manifest_name = "%";
  std::string report;
  std::string status = "%";
  std::string target;
  std::string threat_family = "%";
  Micros after = 0;
  std::optional<Micros> before = 0;  // nullopt: could not be read
  bool after_given = false;
  bool before_given = false;
  bool found_anything = false;
  bool found_anything_given = false;
  std::int64_t limit = 100;
  std::int64_t offset = 0;
};

}  // namespace mig_sandbox

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "mig/wire_time.h"

namespace mig_runner::mig {

// One operation of an action; `parameters` is canonical JSON text (docs/protocol.md, "The action"): what the server
// re-encodes.
struct Operation {
  std::string module;
  std::string parameters = "null";
  bool is_compressed = false;
  bool want_compressed = false;
};

struct Description {
  std::string author;
  std::string email;
  std::string url;
  double revision = 0;
};

struct Threat {
  std::string ref;
  std::string level;
  std::string family;
  std::string type;
};

// The part of a document that only the server writes. The defaults are what a document that is posted carries.
struct ServerFields {
  std::int64_t id = 0;
  std::string investigators;  // JSON text of a list; empty: left out
  std::string status;         // empty: left out
  std::string start_time = std::string(kNoTime);
  std::string finish_time = std::string(kNoTime);
  std::string last_update_time = std::string(kNoTime);
  std::string counters = "{}";  // JSON text of an object
};

// A MIG action. Pure value.
class Action {
 public:
  // Reads action.json, or a posted or stored action, as leniently as Go's encoding/json: names of fields match in any
  // case, the last of several wins, null changes nothing, unknown ones are ignored (the server's own, as status, are
  // unknown here). A wrong type is an Error, and so is JSON nested deeper than 1,000 levels. `where` of the Error is
  // "LINE:COLUMN" (1-based, in characters) in `json`.
  static Result<Action> parse(std::string_view json);

  // What the runner sets at launch: name, validity, syntax version 2; compresses operations with want_compressed. An
  // operation whose parameters cannot be compressed is an Error.
  Result<void> prepare(std::string name, Timestamp valid_from, Timestamp expire_after);

  // The bytes that are signed.
  std::string signed_text() const;
  // The document that is posted, with `signatures` (none: null) in place of those that were read.
  std::string document(std::span<const std::string> signatures) const;
  // The document as the server stores and answers it: the action's own signatures, times as they were posted.
  std::string stored_document(const ServerFields& server) const;

  const std::string& name() const { return name_; }
  const std::string& target() const { return target_; }
  // Invalid UTF-8 becomes U+FFFD, as the server would read it; the same in prepare().
  void set_target(std::string target);
  const Description& description() const { return description_; }
  const Threat& threat() const { return threat_; }
  // JSON text as it stands in document(); empty fields are left out.
  std::string description_json() const;
  std::string threat_json() const;
  std::string operations_json() const;  // "null" where there are none
  const std::optional<std::vector<Operation>>& operations() const { return operations_; }  // nullopt: null or missing
  Timestamp valid_from() const { return valid_from_.instant; }
  Timestamp expire_after() const { return expire_after_.instant; }
  // To the nanosecond, as the server writes them.
  const std::string& valid_from_text() const { return valid_from_.text; }
  const std::string& expire_after_text() const { return expire_after_.text; }
  const std::vector<std::string>& signatures() const { return signatures_; }
  std::int64_t id() const { return id_; }                           // 0 where the document has none
  std::uint16_t syntax_version() const { return syntax_version_; }  // 0 where the document has none

 private:
  friend class ActionReader;
  std::string document(std::span<const std::string> signatures, const ServerFields& server) const;

  std::int64_t id_ = 0;
  std::string name_;
  std::string target_;
  Description description_;
  Threat threat_;
  WireTime valid_from_;
  WireTime expire_after_;
  std::optional<std::vector<Operation>> operations_;
  std::vector<std::string> signatures_;
  std::uint16_t syntax_version_ = 0;
};

// A limit of the server's column, bytes.
inline constexpr std::size_t kMaxTargetBytes = 2048;

}  // namespace mig_runner::mig

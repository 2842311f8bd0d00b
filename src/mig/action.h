#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace mig_runner::mig {

// One operation of an action; `parameters` is canonical JSON text (protocol file, section 4): what the server
// re-encodes.
struct Operation {
  std::string module;
  std::string parameters = "null";
  bool is_compressed = false;
  bool want_compressed = false;
};

// A MIG action. Pure value.
class Action {
 public:
  // Reads action.json, or a posted or stored action, as leniently as Go's encoding/json. `where` of the Error is
  // "LINE:COLUMN" (1-based) in `json`.
  static Result<Action> parse(std::string_view json);

  // What the runner sets at launch: name, validity, syntax version 2; drops the signatures that were there; compresses
  // operations with want_compressed. An operation whose parameters cannot be compressed is an Error.
  Result<void> prepare(std::string name, Timestamp valid_from, Timestamp expire_after);

  // The bytes that are signed.
  std::string signed_text() const;
  // The document that is posted, with `signatures`.
  std::string document(std::span<const std::string> signatures) const;

  const std::string& name() const;
  const std::string& target() const;
  void set_target(std::string target);
  const std::optional<std::vector<Operation>>& operations() const;  // nullopt: null in the document
  Timestamp valid_from() const;
  Timestamp expire_after() const;
  const std::vector<std::string>& signatures() const;
  std::int64_t id() const;  // 0 where the document has none

 private:
  // filled in by the room's owner
};

// Limits of the server's columns, bytes.
inline constexpr std::size_t kMaxNameBytes = 2048;
inline constexpr std::size_t kMaxTargetBytes = 2048;

}  // namespace mig_runner::mig

#include <string>

#include "fuzz/target.h"
#include "mig/action.h"

namespace mig_runner::fuzz {

FUZZ_TARGET(action) {
  auto action = mig::Action::parse(bytes);
  if (!action) return require(!action.error().what.empty(), "a refusal says why");
  const auto now = parse_rfc3339("2026-11-23T08:00:00Z").value();
  if (!action->prepare("mig-runner: fuzz", now, now + std::chrono::minutes(5))) return;
  // The server signs what it decodes from what was posted: both must come to the same text.
  const std::string signature = "wsBc";
  const auto document = action->document({&signature, 1});
  const auto decoded = mig::Action::parse(document);
  require(decoded.has_value(), "a posted document can be read");
  require(decoded->signed_text() == action->signed_text(), "both sides sign the same text");
  require(decoded->document({&signature, 1}) == document, "a document that is read and written is the same");
}

}  // namespace mig_runner::fuzz

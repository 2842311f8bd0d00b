#include "api/refusal.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"

namespace mig_runner::api {
namespace {

// All in lower case, found anywhere in the text whatever its case. A text that fits none is taken for a fault that
// passes: to try again in vain until the deadline is noise, to give up what would have worked is a lost launch.

// The database refuses what the action holds.
constexpr std::array<std::string_view, 5> kActionFaultsInTheDatabase{
    "value too long",              // longer than its column
    "out of range",                // a number or a time
    "invalid byte sequence",       // a NUL
    "unsupported unicode escape",  // \u0000 within JSON
    "invalid input syntax",        // JSON that its parser does not take
};

// The server's own troubles, whatever it was busy with: they weigh more than the phrases below, since the server puts
// the name of what it was doing in front ("VerifySignatures() -> dial tcp ..").
constexpr std::array<std::string_view, 9> kServerFaults{
    "pq:",       // any other complaint of the database, its "permission denied" included
    "sql:",      // of the library that speaks to it
    "dial tcp",  // connections of the server, and their ends
    "read tcp", "write tcp", "connection re", "i/o timeout", "deadline exceeded", "x509:",
};

// Decoding, validation, signatures, rights. tests/data/vectors/api_transcript.json has some of these texts.
constexpr std::array<std::string_view, 12> kActionFaults{
    "invalid character",  // JSON
    "unexpected end of json",
    "json:",
    "parsing time",    // validity
    "illegal base64",  // compressed parameters, signatures
    "action.",         // "Action.Target is empty. Expecting string.", "Action.ExpireAfter is passed."
    "is empty",
    "syntax version",
    "expired",
    "verifysignatures",
    "openpgp:",
    "permission",
};

template <std::size_t N>
bool has_any(const std::string& text, const std::array<std::string_view, N>& phrases) {
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](std::string_view phrase) { return text.find(phrase) != std::string::npos; });
}

}  // namespace

bool is_fault_of_the_action(std::string_view message) {
  const auto text = lower(message);
  if (has_any(text, kActionFaultsInTheDatabase)) return true;
  return !has_any(text, kServerFaults) && has_any(text, kActionFaults);
}

}  // namespace mig_runner::api

#include "api/refusal.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"

namespace mig_runner::api {
namespace {

// POST action/create/ takes these steps, and answers 500 with the error of the first that fails (docs/design.md, "At
// most once"): read the form, decode the document, read the keyring, validate, verify the signatures, INSERT the action
// (a transaction of its own, after which agents get it), then for each signature read the keyring, find the
// investigator, INSERT the signature. A text proves that the action was not stored only if no step after its INSERT can
// begin its error so. All in lower case; they are compared with the beginning of the text, since later steps quote
// what earlier ones say ("Failed to store signature: 'pq: value too long ..'").

// Reading the form, decoding and validating: nothing after the INSERT decodes what was posted or validates it.
constexpr std::array<std::string_view, 16> kBeforeTheInsert{
    "http: post too large",
    "http: request body too large",
    "invalid url escape",
    "invalid character",  // JSON
    "unexpected end of json",
    "json: cannot unmarshal",
    "parsing time \"",  // validity
    "action name ",
    "action target ",
    "action validfrom ",
    "action expireafter ",
    "action operations ",
    "action pgpsignatures ",
    "action.",  // as older versions say it: "Action.Target is empty. Expecting string."
    "wring syntax version",
    "wrong syntax version",
};

// Signatures are verified before the INSERT only; afterwards the API looks for their fingerprints, with other texts.
constexpr std::array<std::string_view, 4> kVerification{"verifysignatures() -> ",
                                                        // Later versions of the API.
                                                        "failed to verify pgp signature", "invalid pgp signature",
                                                        "action contained no valid signatures"};

// The INSERT of the action itself, of which the database refuses a value (SQLSTATE classes 22 and 08P01 name the
// column's limits and encodings): a statement that fails stores nothing. What the database says of itself
// ("terminating connection", "too many clients") is no such proof: the commit may have been done before.
constexpr std::string_view kInsert = "failed to store action: 'pq: ";
constexpr std::array<std::string_view, 5> kRefusedValues{
    "value too long",              // longer than its column
    "out of range",                // a number or a time
    "invalid byte sequence",       // a NUL
    "unsupported unicode escape",  // \u0000 within JSON
    "invalid input syntax",        // JSON that the database does not take
};

// The server's own troubles in the middle of verifying.
constexpr std::array<std::string_view, 7> kServerFaults{
    "pq:", "sql:", "dial tcp", "read tcp", "write tcp", "i/o timeout", "deadline exceeded",
};

template <std::size_t N>
bool begins_with_any(const std::string& text, const std::array<std::string_view, N>& phrases) {
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) { return text.starts_with(phrase); });
}

template <std::size_t N>
bool has_any(const std::string& text, const std::array<std::string_view, N>& phrases) {
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](std::string_view phrase) { return text.find(phrase) != std::string::npos; });
}

}  // namespace

Refusal refusal_in(std::string_view message) {
  const auto text = lower(message);
  if (begins_with_any(text, kBeforeTheInsert)) return Refusal::of_action;
  if (begins_with_any(text, kVerification))
    return has_any(text, kServerFaults) ? Refusal::of_this_moment : Refusal::of_signature;
  if (text.starts_with(kInsert) && has_any(text, kRefusedValues)) return Refusal::of_action;
  return Refusal::unproven;
}

}  // namespace mig_runner::api

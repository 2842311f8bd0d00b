#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mig_runner {

// Length of the valid UTF-8 sequence (RFC 3629) that `text` begins with, or 0. Not valid: surrogates, overlong forms,
// anything beyond U+10FFFF.
std::size_t utf8_length(std::string_view text);

void append_utf8(std::string& out, char32_t code_point);

// The character that `text`, which is not empty, begins with; a byte that is in no valid sequence counts as U+FFFD.
struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
};
Character first_character(std::string_view text);

// Each byte that is in no valid sequence becomes U+FFFD.
std::string to_valid_utf8(std::string_view text);

// The two below are the one way by which text from outside (agents, plugins, the API, names of files) gets onto a
// terminal or into a log. Neither lets through what a terminal or an editor obeys: control characters (C0, DEL, C1),
// line and paragraph separators, marks that turn the direction of text around, invalid UTF-8.

// On one line: \n, \t, \x1b, \u202e; invalid bytes become U+FFFD.
std::string printable(std::string_view text);

// The same for a JSON document, which keeps its layout and its meaning: within its strings such a character becomes the
// \uXXXX that stands for it.
std::string printable_json(std::string_view document);

}  // namespace mig_runner

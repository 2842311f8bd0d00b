#include "sandbox/base/like_pattern.h"

#include <cstddef>

namespace mig_sandbox {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Bytes of the UTF-8 character at the start of `text`, which is not empty.
std::size_t character_length(std::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80) ++length;
  return length;
}

}  // namespace

bool like(std::string_view text, std::string_view pattern, Case letters) {
  std::size_t t = 0;
  std::size_t p = 0;
  // Where to go on when what follows the last % does not fit: one character further in the text.
  std::size_t after_percent = std::string_view::npos;
  std::size_t retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '%') {
      after_percent = ++p;
      retry = t;
      continue;
    }
    if (p < pattern.size() && pattern[p] == '_') {
      t += character_length(text.substr(t));
      ++p;
      continue;
    }
    const std::size_t literal = p + 1 < pattern.size() && pattern[p] == '\\' ? p + 1 : p;
    if (literal < pattern.size() &&
        (letters == Case::sensitive ? text[t] == pattern[literal] : lower(text[t]) == lower(pattern[literal]))) {
      ++t;
      p = literal + 1;
    } else if (after_percent != std::string_view::npos) {
      p = after_percent;
      t = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('%', p) == std::string_view::npos;
}

}  // namespace mig_sandbox

#include "base/utf8.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/hex.h"

namespace mig_runner {
namespace {

unsigned byte_at(std::string_view text, std::size_t index) {
  return static_cast<unsigned char>(text[index]);
}

// C0; DEL and C1; the marks and embeddings of the bidirectional algorithm, with the line and paragraph separators.
constexpr std::array<std::pair<char32_t, char32_t>, 6> kObeyed{
    {{0x00, 0x1F}, {0x7F, 0x9F}, {0x061C, 0x061C}, {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2066, 0x2069}}};

bool is_obeyed(char32_t code) {
  return std::any_of(kObeyed.begin(), kObeyed.end(),
                     [&](const auto& range) { return code >= range.first && code <= range.second; });
}

void append_escape(std::string& out, char kind, char32_t code, std::size_t digits) {
  out += '\\';
  out += kind;
  const std::array<std::uint8_t, 4> bytes{static_cast<std::uint8_t>(code >> 24U),
                                          static_cast<std::uint8_t>(code >> 16U), static_cast<std::uint8_t>(code >> 8U),
                                          static_cast<std::uint8_t>(code)};
  out += hex(bytes).substr(8 - digits);
}

template <class Escape>
std::string escaped(std::string_view text, const Escape& escape) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto character = first_character(text);
    if (!escape(out, character.code)) append_utf8(out, character.code);
    text.remove_prefix(character.bytes);
  }
  return out;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const unsigned first = byte_at(text, 0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                             : first >= 0xE0 && first <= 0xEF ? 3
                             : first >= 0xF0 && first <= 0xF4 ? 4
                                                              : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte_at(text, i) & 0xC0U) != 0x80) return 0;
  }
  const unsigned second = byte_at(text, 1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool surrogate = first == 0xED && second > 0x9F;
  const bool too_large = first == 0xF4 && second > 0x8F;
  return overlong || surrogate || too_large ? 0 : length;
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto add = [&out](char32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  const auto add_tail = [&](int shift) { add(0x80U | ((code_point >> shift) & 0x3FU)); };
  if (code_point < 0x80) {
    add(code_point);
  } else if (code_point < 0x800) {
    add(0xC0U | (code_point >> 6U));
    add_tail(0);
  } else if (code_point < 0x10000) {
    add(0xE0U | (code_point >> 12U));
    add_tail(6);
    add_tail(0);
  } else {
    add(0xF0U | (code_point >> 18U));
    add_tail(12);
    add_tail(6);
    add_tail(0);
  }
}

Character first_character(std::string_view text) {
  const std::size_t length = utf8_length(text);
  if (length == 0) return {0xFFFD, 1};
  const auto lead = static_cast<char32_t>(byte_at(text, 0));
  char32_t code = length == 1 ? lead : lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) code = (code << 6U) | (byte_at(text, i) & 0x3FU);
  return {code, length};
}

std::string to_valid_utf8(std::string_view text) {
  return escaped(text, [](std::string&, char32_t) { return false; });
}

std::string printable(std::string_view text) {
  return escaped(text, [](std::string& out, char32_t code) {
    if (code == '\n' || code == '\t') {
      out += code == '\n' ? "\\n" : "\\t";
    } else if (is_obeyed(code)) {
      append_escape(out, code < 0x80 ? 'x' : 'u', code, code < 0x80 ? 2 : 4);
    } else {
      return false;
    }
    return true;
  });
}

std::string printable_json(std::string_view document) {
  return escaped(document, [](std::string& out, char32_t code) {
    if (code == '\n' || !is_obeyed(code)) return false;
    append_escape(out, 'u', code, 4);
    return true;
  });
}

}  // namespace mig_runner

#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace mig_runner::cli {
namespace {

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
};

// The first character of valid UTF-8.
Character first_character(std::string_view text) {
  const auto bytes = std::max<std::size_t>(utf8_length(text), 1);
  const auto lead = static_cast<unsigned char>(text.front());
  char32_t code = bytes == 1 ? lead : lead & (0x7FU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) code = (code << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  return {code, bytes};
}

// Blocks that terminals show two columns wide, and marks that take none. Coarse, and enough for a table.
constexpr std::pair<char32_t, char32_t> kWide[] = {
    {0x1100, 0x115F}, {0x2E80, 0xA4CF}, {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
    {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
constexpr std::pair<char32_t, char32_t> kMarks[] = {{0x0300, 0x036F}, {0x200B, 0x200F}, {0xFE00, 0xFE0F}};

template <std::size_t N>
bool is_in(char32_t code, const std::pair<char32_t, char32_t> (&blocks)[N]) {
  return std::any_of(blocks, blocks + N,
                     [&](const auto& block) { return code >= block.first && code <= block.second; });
}

int width_of(char32_t code) {
  return is_in(code, kMarks) ? 0 : is_in(code, kWide) ? 2 : 1;
}

// C0, DEL and C1, and what turns the direction of text around.
bool is_control(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x202A && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069);
}

}  // namespace

std::string styled(std::string_view text, Style style, bool colour) {
  if (!colour || style == Style::plain) return std::string(text);
  constexpr std::string_view kCodes[] = {"0", "1", "2", "31", "33", "32"};
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(style)], text);
}

std::string printable(std::string_view text) {
  const auto valid = to_valid_utf8(text);
  std::string shown;
  for (std::string_view rest = valid; !rest.empty();) {
    const auto character = first_character(rest);
    if (character.code == '\n') {
      shown += "\\n";
    } else if (character.code == '\t') {
      shown += "\\t";
    } else if (is_control(character.code)) {
      shown += character.code < 0x100 ? fmt::format("\\x{:02x}", static_cast<unsigned>(character.code))
                                      : fmt::format("\\u{:04x}", static_cast<unsigned>(character.code));
    } else {
      shown += rest.substr(0, character.bytes);
    }
    rest.remove_prefix(character.bytes);
  }
  return shown;
}

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const auto character = first_character(text);
    width += width_of(character.code);
    text.remove_prefix(character.bytes);
  }
  return width;
}

std::string shortened(std::string_view text, int width) {
  if (display_width(text) <= width) return std::string(text);
  std::string kept;
  for (int used = 0; !text.empty();) {
    const auto character = first_character(text);
    used += width_of(character.code);
    if (used > width - 1) break;
    kept += text.substr(0, character.bytes);
    text.remove_prefix(character.bytes);
  }
  return kept + "\u2026";
}

}  // namespace mig_runner::cli

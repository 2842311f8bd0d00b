#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace mig_runner::cli {
namespace {

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

}  // namespace

std::string styled(std::string_view text, Style style, bool colour) {
  if (!colour || style == Style::plain) return std::string(text);
  constexpr std::string_view kCodes[] = {"0", "1", "2", "31", "33", "32"};
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(style)], text);
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

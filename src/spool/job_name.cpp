#include <cstdint>

#include "spool/spool.h"

namespace mig_runner::spool {
namespace {

constexpr std::size_t kMaxNameBytes = 200;

// The length of the UTF-8 sequence at the front of `text`, 0 where there is none (RFC 3629).
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  std::uint32_t code = length < 2 ? first : first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  const bool too_long = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool no_character = (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF;
  return too_long || no_character ? 0 : length;
}

}  // namespace

std::string job_name_problem(std::string_view name) {
  if (name.empty()) return "a job's name cannot be empty";
  if (name.size() > kMaxNameBytes) return "a job's name has at most 200 bytes";
  if (name.front() == '.') return "a job's name cannot begin with a dot";
  for (auto rest = name; !rest.empty();) {
    const auto c = static_cast<unsigned char>(rest.front());
    if (c == '/') return "a job's name cannot hold a slash";
    if (c < 0x20 || c == 0x7F) return "a job's name cannot hold control characters";
    const auto length = sequence_length(rest);
    if (length == 0) return "a job's name must be UTF-8";
    rest.remove_prefix(length);
  }
  return "";
}

}  // namespace mig_runner::spool

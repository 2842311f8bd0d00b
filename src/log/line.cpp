#include "log/line.h"

#include <unistd.h>

#include <array>

namespace mig_runner::log {

std::string escaped(std::string_view message) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  text.reserve(message.size());
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      text += "\\n";
    } else if (c == '\t') {
      text += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      text += "\\x";
      text += kHex[byte >> 4U];
      text += kHex[byte & 15U];
    } else {
      text += c;
    }
  }
  return text;
}

std::string stamp(Timestamp time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  auto text = format_utc(second);
  text.pop_back();
  return text + '.' + std::to_string(1000 + (time - second).count()).substr(1) + 'Z';
}

void complain(std::string_view what) {
  const auto line = "mig-runner: " + escaped(what) + "\n";
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;  // there is nowhere left to say it
}

}  // namespace mig_runner::log

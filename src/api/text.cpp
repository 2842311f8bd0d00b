#include "api/text.h"

#include <fmt/format.h>

namespace mig_runner::api {
namespace {

constexpr std::size_t kExcerptBytes = 300;

}  // namespace

std::string excerpt(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, kExcerptBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte > 0x7E ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return shown + (text.size() > kExcerptBytes ? ".." : "");
}

std::string shown_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return excerpt(url);
  const auto host = scheme + 3;
  const auto at = url.substr(0, url.find('/', host)).rfind('@');
  if (at == std::string_view::npos || at < host) return excerpt(url);
  return excerpt(std::string(url.substr(0, host)) + std::string(url.substr(at + 1)));
}

}  // namespace mig_runner::api

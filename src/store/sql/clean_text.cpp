#include "store/sql/clean_text.h"

#include "base/utf8.h"

namespace mig_runner::store {

std::string clean_text(std::string_view text) {
  const auto valid = to_valid_utf8(text);
  std::string clean;
  clean.reserve(valid.size());
  for (const char c : valid) {
    if (c == '\0') {
      clean += "\uFFFD";
    } else {
      clean += c;
    }
  }
  return clean;
}

}  // namespace mig_runner::store

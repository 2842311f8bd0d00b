#include "base/text.h"

namespace mig_runner {

std::string lower(std::string_view text) {
  std::string result(text);
  for (auto& c : result) c = lower(c);
  return result;
}

}  // namespace mig_runner

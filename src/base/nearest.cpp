#include "base/nearest.h"

#include <algorithm>

#include "base/text.h"

namespace mig_runner {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
}

std::string nearest(const std::vector<std::string>& known,
                    const std::function<std::size_t(const std::string&)>& distance, std::size_t limit) {
  std::string best;
  for (const auto& name : known) {
    const auto far = distance(name);
    if (far >= limit) continue;
    best = name;
    limit = far;
  }
  return best;
}

std::string nearest_name(std::string_view wrong, const std::vector<std::string>& known) {
  const auto wanted = lower(wrong);
  const auto limit = std::min(std::max<std::size_t>(wanted.size() / 2, 2) + 1, wanted.size());
  return nearest(
      known, [&](const std::string& name) { return edit_distance(wanted, lower(name)); }, limit);
}

}  // namespace mig_runner

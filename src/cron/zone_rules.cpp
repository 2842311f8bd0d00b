#include "cron/zone_rules.h"

#include <algorithm>

namespace mig_runner::cron {
namespace {

// Far beyond any Timestamp, and an offset may still be added to it.
constexpr Seconds kInfinity = Seconds{1} << 60;

}  // namespace

Zone::Rules::Rules(std::string zone_name, LocalType first, std::vector<Change> changes) : name(std::move(zone_name)) {
  std::stable_sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) { return a.at < b.at; });
  periods.push_back({-kInfinity, kInfinity, std::move(first)});
  for (auto& change : changes) {
    auto& last = periods.back();
    if (change.at == last.begin) {
      last.type = std::move(change.type);
    } else if (change.type != last.type) {
      last.end = change.at;
      periods.push_back({change.at, kInfinity, std::move(change.type)});
    }
  }
  periods.shrink_to_fit();
  Seconds reached = -kInfinity;
  for (const auto& period : periods) {
    reached = std::max(reached, period.local_end());
    reach.push_back(reached);
    begins_.push_back(period.begin);
  }
}

std::size_t Zone::Rules::period_at(Seconds utc) const {
  const auto after = std::upper_bound(begins_.begin() + 1, begins_.end(), utc);
  return static_cast<std::size_t>(after - begins_.begin()) - 1;
}

const std::shared_ptr<const Zone::Rules>& utc_rules() {
  static const auto rules = std::make_shared<const Zone::Rules>("UTC", LocalType{0, "UTC"}, std::vector<Change>{});
  return rules;
}

}  // namespace mig_runner::cron

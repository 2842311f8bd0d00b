#include "cli/check_online.h"

#include <map>

#include "cli/times.h"

namespace mig_runner::cli {
namespace {

// The Date header has no fractions, and the answer takes its time.
constexpr std::chrono::milliseconds kNoticeable = std::chrono::seconds(30);
// Actions are dated back by a minute: agents would take one from a clock that is further ahead for not yet valid.
constexpr std::chrono::milliseconds kHarmful = std::chrono::seconds(60);

void check_skew(OnlineCheck& check, const std::string& url) {
  if (!check.skew) {
    check.problems.push_back({"", {url, 0, 0, "its answer has no usable Date: the clocks cannot be compared", false}});
    return;
  }
  const auto size = std::chrono::abs(*check.skew);
  if (size < kNoticeable) return;
  const bool ahead = check.skew->count() > 0;
  check.problems.push_back({"",
                            {url, 0, 0,
                             "this machine's clock is " + span_text(size) + (ahead ? " ahead of" : " behind") +
                                 " the API's: agents take actions for " + (ahead ? "not valid yet" : "expired early") +
                                 ", and tokens may be refused",
                             size >= kHarmful}});
}

}  // namespace

OnlineCheck check_online(api::ApiClient& client, const std::vector<JobTarget>& targets, const Clock& clock) {
  const auto url = client.address();
  OnlineCheck check;
  const auto before = clock.now();
  const auto greeting = client.greet();
  if (!greeting) {
    check.problems.push_back({"", {url, 0, 0, "the API cannot be reached: " + greeting.error().what}});
    return check;
  }
  check.reachable = true;
  // Half way between question and answer; a Date is cut to seconds, half of one on average.
  const auto asked = before + (clock.now() - before) / 2;
  if (greeting->server_time) check.skew = asked - (*greeting->server_time + std::chrono::milliseconds(500));
  check_skew(check, url);
  check.accepted = greeting->accepted;
  if (!check.accepted) {
    check.problems.push_back({"", {url, 0, 0, "the API does not let this key in: " + greeting->refusal}});
    return check;
  }
  std::map<std::string, Result<std::int64_t>> counts;
  for (const auto& [job, file, target] : targets) {
    auto known = counts.find(target);
    if (known == counts.end()) known = counts.emplace(target, client.count_agents(target)).first;
    const auto& count = known->second;
    check.targets.push_back({job, target, count ? std::optional(*count) : std::nullopt});
    if (!count) {
      check.problems.push_back({job, {file, 0, 0, "the API cannot use the target: " + count.error().what}});
    } else if (*count == 0) {
      check.problems.push_back({job, {file, 0, 0, "the target matches no active agent", false}});
    }
  }
  return check;
}

}  // namespace mig_runner::cli

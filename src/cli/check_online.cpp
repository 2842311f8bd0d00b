#include "cli/check_online.h"

#include <map>

#include "cli/times.h"

namespace mig_runner::cli {
namespace {

using std::chrono::milliseconds;
using Kind = api::Greeting::Kind;

// The Date header has no fractions, and the answer takes its time.
constexpr milliseconds kNoticeable = std::chrono::seconds(30);
// Actions are dated back by a minute: agents would take one from a clock that is further ahead for not yet valid.
constexpr milliseconds kHarmful = std::chrono::seconds(60);
constexpr milliseconds kTokenDuration = std::chrono::minutes(10);  // the server's default

std::string harm(milliseconds skew) {
  const std::string agents = skew.count() > 0 ? "agents take actions for not valid yet" : "actions expire early";
  return agents + (std::chrono::abs(skew) >= kTokenDuration
                       ? ", and the API refuses tokens (tokenduration is 10 minutes by default)"
                       : ", and the API refuses tokens where its tokenduration is shorter");
}

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
                                 " the API's: " + harm(*check.skew),
                             size >= kHarmful}});
}

// By a clock that is behind, an action is made to expire in the agents' past.
void check_expiry(OnlineCheck& check, const std::vector<JobTarget>& targets) {
  if (!check.skew) return;
  for (const auto& target : targets) {
    if (target.expiry > -*check.skew) continue;
    check.problems.push_back(
        {target.job,
         {target.file, 0, 0,
          "its actions have expired before an agent sees them: the expiry is " + span_text(target.expiry) +
              ", and this machine's clock is " + span_text(*check.skew) + " behind the API's"}});
  }
}

std::string complaint(const api::Greeting& greeting) {
  switch (greeting.kind) {
    case Kind::refused:
      return "the API does not let this key in: " + greeting.words;
    case Kind::trouble:
      return "the API answers " + greeting.words;
    case Kind::nothing:
      return "there is no MIG API (is api.url right?), the answer is " + greeting.words;
    default:
      return "a proxy or another server answers in place of the API (is api.url right?), " + greeting.words;
  }
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
  check.reachable = greeting->is_of_the_api();
  check.accepted = greeting->kind == Kind::accepted;
  // Half way between question and answer; a Date is cut to seconds, half of one on average.
  const auto asked = before + (clock.now() - before) / 2;
  if (check.reachable && greeting->server_time) check.skew = asked - (*greeting->server_time + milliseconds(500));
  if (check.reachable) check_skew(check, url);
  if (!check.accepted) {
    check.problems.push_back({"", {url, 0, 0, complaint(*greeting)}});
    return check;
  }
  check_expiry(check, targets);
  std::map<std::string, Result<std::int64_t>> counts;
  for (const auto& [job, file, target, expiry] : targets) {
    auto known = counts.find(target);
    if (known == counts.end()) known = counts.emplace(target, client.count_agents(target)).first;
    const auto& count = known->second;
    check.targets.push_back({job, target, count ? std::optional(*count) : std::nullopt});
    if (!count) {
      const auto complaint = api::target_complaint(count.error());
      const auto what = complaint ? "the API cannot use the target: " + *complaint
                                  : "the API cannot be asked about the target: " + count.error().what;
      check.problems.push_back({job, {file, 0, 0, what}});
    } else if (*count == 0) {
      check.problems.push_back({job, {file, 0, 0, "the target matches no active agent", false}});
    }
  }
  return check;
}

}  // namespace mig_runner::cli

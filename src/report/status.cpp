#include "report/status.h"

#include <array>

#include "report/run.h"

namespace mig_runner::report {
namespace {

// Runs that are looked through for those with something to say of their results.
constexpr int kMostLookedAt = 10'000;

template <class Value>
Result<void> take(Result<Value> read, Value& into) {
  if (!read) return tl::unexpected(read.error());
  into = std::move(*read);
  return {};
}

}  // namespace

Result<void> Status::read(store::RunStore& store, Timestamp now) {
  for (const auto state : {store::RunState::due, store::RunState::signed_, store::RunState::unknown,
                           store::RunState::posted, store::RunState::stored}) {
    const auto waiting = store.waiting(state);
    if (!waiting) return tl::unexpected(waiting.error());
    auto& list = state == store::RunState::stored ? to_deliver : in_flight;
    list.insert(list.end(), waiting->begin(), waiting->end());
  }
  static constexpr std::array kWithResults{store::RunState::stored, store::RunState::delivered};
  auto ended = store.history("", kMostLookedAt, kWithResults);
  if (!ended) return tl::unexpected(ended.error());
  for (auto& run : *ended)
    if (!run.wake && run.nominal >= now - kLately && has_remark(run)) remarked.push_back(std::move(run));
  auto* const group = store.group();
  return take(store.failed_since(now - kLately, kMostFailures), failed)
      .and_then([&] { return take(store.counts(), counts); })
      .and_then([&] { return take(store.paused(), paused); })
      .and_then([&] { return group != nullptr ? take(group->members(), members) : Result<void>(); })
      .and_then([&] { return group != nullptr ? take(group->job_differences(), differences) : Result<void>(); });
}

std::map<std::string, std::string> differences_by_job(const std::vector<store::JobDifference>& differences) {
  std::map<std::string, std::string> found;
  for (const auto& [job, member, hash] : differences) {
    auto& text = found[job];
    text += (text.empty() ? "" : ", ") + member +
            (hash.empty() ? " does not have it or may not launch it" : " has version " + hash.substr(0, 8));
  }
  return found;
}

Json status_json(const Status& status) {
  const auto list = [](const std::vector<store::Run>& runs) {
    Json all = Json::array();
    for (const auto& run : runs) all.push_back(run_json(run));
    return all;
  };
  Json counts = Json::object();
  for (const auto& [state, count] : status.counts) counts[std::string(store::state_name(state))] = count;
  Json paused = Json::array();
  for (const auto& [job, pause] : status.paused) paused.push_back({{"job", job}, {"since", json_time(pause.since)}});
  Json members = Json::array();
  for (const auto& member : status.members)
    members.push_back({{"member", member.id},
                       {"host", member.host},
                       {"process", member.process},
                       {"tree", member.tree},
                       {"since", json_time(member.started)},
                       {"lease_seconds", std::chrono::duration<double>(member.lease_left).count()},
                       {"clock_ahead_seconds", std::chrono::duration<double>(member.clock_ahead).count()},
                       {"able", member.able},
                       {"at_work_on", member.at_work_on}});
  Json differences = Json::array();
  for (const auto& [job, member, hash] : status.differences)
    differences.push_back({{"job", job}, {"member", member}, {"version", hash.empty() ? Json() : Json(hash)}});
  return {{"directory", status.directory.string()},
          {"running", status.runner.has_value()},
          {"runner", status.runner ? Json(*status.runner) : Json()},
          {"jobs", status.jobs},
          {"paused", std::move(paused)},
          {"members", std::move(members)},
          {"differing_jobs", std::move(differences)},
          {"runs", std::move(counts)},
          {"in_flight", list(status.in_flight)},
          {"to_deliver", list(status.to_deliver)},
          {"failed_lately", list(status.failed)},
          {"remarked_lately", list(status.remarked)}};
}

}  // namespace mig_runner::report

#include "stages/own_launches.h"

#include <chrono>
#include <set>
#include <utility>
#include <vector>

namespace mig_runner::stages {
namespace {

constexpr std::chrono::seconds kBetweenLooks{10};

}  // namespace

OwnLaunches::~OwnLaunches() {
  while (!entries_.empty()) erase(entries_.begin());
}

void OwnLaunches::put(store::Run run, std::string action, Timestamp ready) {
  run.wake = ready;
  run.attempts = 0;
  const auto number = run.number;
  const MutexLock lock(mutex_);
  entries_.try_emplace(number, Entry{{std::move(run), std::move(action)}, false, std::nullopt});
}

void OwnLaunches::erase(std::map<std::int64_t, Entry>::iterator entry) {
  // The next start removes the rest.
  if (entry->second.result) static_cast<void>(remove_file_below(entry->second.result->file));
  entries_.erase(entry);
}

void OwnLaunches::forget(std::int64_t number) {
  const MutexLock lock(mutex_);
  if (const auto found = entries_.find(number); found != entries_.end()) erase(found);
}

std::optional<OwnLaunches::Collected> OwnLaunches::take_collected(std::int64_t number) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(number);
  if (found == entries_.end()) return std::nullopt;
  return std::exchange(found->second.result, std::nullopt);
}

std::optional<OwnLaunches::Launch> OwnLaunches::take_due(Timestamp now) {
  const MutexLock lock(mutex_);
  for (auto& [number, entry] : entries_) {
    if (entry.in_hand || entry.result || *entry.launch.run.wake > now) continue;
    entry.in_hand = true;
    return entry.launch;
  }
  return std::nullopt;
}

void OwnLaunches::put_back(Launch launch) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(launch.run.number);
  if (found != entries_.end()) found->second = {std::move(launch), false, std::nullopt};
}

void OwnLaunches::collected(const store::Run& run, Collected result) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(run.number);
  if (found != entries_.end()) {
    found->second.in_hand = false;
    found->second.result = std::move(result);
    return;
  }
  static_cast<void>(remove_file_below(result.file));
}

std::optional<Timestamp> OwnLaunches::next() const {
  const MutexLock lock(mutex_);
  std::optional<Timestamp> next;
  for (const auto& [number, entry] : entries_)
    if (!entry.in_hand && !entry.result && (!next || *entry.launch.run.wake < *next)) next = entry.launch.run.wake;
  return next;
}

void OwnLaunches::follow(store::RunStore& store, std::chrono::milliseconds delay_results, Timestamp now) {
  const auto* const group = store.group();
  if (group == nullptr) return;
  std::set<std::int64_t> gone;  // unless they are found
  {
    const MutexLock lock(mutex_);
    if (last_look_ && std::chrono::abs(now - *last_look_) < kBetweenLooks) return;
    last_look_ = now;
    for (const auto& [number, entry] : entries_) gone.insert(number);
  }
  const auto uncollected = store.uncollected();
  if (!uncollected) return;
  for (const auto& run : *uncollected) {
    if (gone.erase(run.number) > 0 || run.state != store::RunState::posted || run.launched_by != group->tree())
      continue;
    auto action = store.action(run);
    if (action) put(run, action->value_or(""), *run.expire_after + delay_results);
  }
  const MutexLock lock(mutex_);
  for (const auto number : gone)
    if (const auto found = entries_.find(number); found != entries_.end()) erase(found);
}

}  // namespace mig_runner::stages

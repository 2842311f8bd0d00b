#include "stages/planner.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/utf8.h"
#include "stages/retry_pause.h"

namespace mig_runner::stages {
namespace {

constexpr int kCountMissedUpTo = 1000;
constexpr std::size_t kMostMissedTold = 3;
// How long a loop that is not held up takes at most until it plans what is due: what is later may be behind a pause.
constexpr std::chrono::milliseconds kNotice{100};

// In words that stay the same whatever else of the job changes. The store takes only UTF-8.
std::string timetable_of(const spool::Job& job) {
  if (!job.config.settings.enabled) return "disabled";
  std::string text;
  for (const char c : job.config.schedule) {
    const bool space = c == ' ' || c == '\t';
    if (!space) text += c;
    if (space && !text.empty() && text.back() != ' ') text += ' ';
  }
  if (!text.empty() && text.back() != ' ') text += ' ';
  return to_valid_utf8(text + job.zone.identity());
}

// A zone may have other rules than before under the same name.
bool has_same_times(const spool::Job& one, const spool::Job& other) {
  return timetable_of(one) == timetable_of(other) && one.zone == other.zone;
}

store::Run run_of(const spool::Job& job, Timestamp nominal) {
  store::Run run;
  run.job = job.name;
  run.nominal = nominal;
  run.plugin = job.config.plugin;
  return run;
}

// The one that `time` lies in, null where it lies in none.
const store::FinishedPause* pause_at(const std::multimap<std::string, store::FinishedPause>& pauses,
                                     const std::string& job, Timestamp time) {
  const auto [begin, end] = pauses.equal_range(job);
  const auto found = std::find_if(begin, end, [&](const auto& pause) { return pause.second.met(time); });
  return found == end ? nullptr : &found->second;
}

// As Schedule::latest, but for times that lie in a pause.
std::optional<Timestamp> latest_outside(const spool::Job& job, Timestamp after, Timestamp at,
                                        const std::multimap<std::string, store::FinishedPause>& pauses) {
  auto latest = job.schedule.latest(after, at, job.zone);
  while (latest) {
    const auto* pause = pause_at(pauses, job.name, *latest);
    if (pause == nullptr) break;
    latest = job.schedule.latest(after, pause->since - std::chrono::milliseconds(1), job.zone);
  }
  return latest;
}

// How long a launch may be tried for: startdeadline after the nominal time, or the next nominal time if that is sooner.
Timestamp launch_deadline(const spool::Job& job, Timestamp nominal, Timestamp counted_from) {
  auto deadline = counted_from + job.config.settings.startdeadline;
  if (const auto following = job.schedule.next(std::max(nominal, counted_from), job.zone))
    deadline = std::min(deadline, *following);
  return deadline;
}

}  // namespace

Result<void> Planner::load() {
  auto cursors = context_.store.cursors();
  if (!cursors) return tl::unexpected(cursors.error());
  for (auto& cursor : *cursors) stored_cursors_.emplace(cursor.job, std::move(cursor));
  return {};
}

Timestamp Planner::planned_at(const Entry& entry) const {
  const bool forbids = entry.job->config.settings.overlap == config::Overlap::forbid;
  return *entry.next - (forbids ? std::chrono::milliseconds(0) : ahead_);
}

bool Planner::PlannedSooner::operator()(const Entry* one, const Entry* other) const {
  const auto at = planner.planned_at(*one);
  const auto other_at = planner.planned_at(*other);
  return at != other_at ? at < other_at : one->job->name < other->job->name;
}

void Planner::schedule(Entry& entry) {
  if (entry.next) queue_.erase(&entry);
  entry.next.reset();
  const bool wanted = entry.job->config.settings.enabled && !paused_.contains(entry.job->name);
  if (wanted) entry.next = entry.job->schedule.next(entry.cursor, entry.job->zone);
  if (entry.next) queue_.insert(&entry);
}

void Planner::insert(const spool::JobPtr& job, Timestamp cursor, Timestamp now) {
  const auto [place, is_new] = entries_.try_emplace(job->name);
  auto& entry = place->second;
  if (entry.next) queue_.erase(&entry);
  entry = Entry{job, cursor, std::nullopt, is_new ? now : entry.known_since};
  schedule(entry);
  if (job->config.settings.enabled && !entry.next && !paused_.contains(job->name))
    context_.log.warning(job->name + ": its schedule \"" + job->config.schedule + "\" has no time left after " +
                         format_utc(cursor));
}

void Planner::begin_timetable(const spool::JobPtr& job, Timestamp now) {
  insert(job, now, now);
  unwritten_.push_back({job->name, now, timetable_of(*job)});
}

void Planner::start(const spool::JobPtr& job, Timestamp now) {
  removed_.erase(job->name);
  const auto stored = stored_cursors_.extract(job->name);  // there may be many thousands
  if (!stored) return begin_timetable(job, now);
  auto cursor = stored.mapped();
  // An older record does not say: the times are those of the job as it is.
  const bool unknown = cursor.timetable.empty() && job->config.settings.enabled;
  if (!unknown && cursor.timetable != timetable_of(*job)) return begin_timetable(job, now);
  insert(job, std::min(cursor.planned_through, now), now);
  if (!unknown) return;
  cursor.timetable = timetable_of(*job);
  unwritten_.push_back(std::move(cursor));
}

void Planner::remove_unless_started(const std::function<bool(const std::string&)>& is_gone) {
  if (context_.store.group() != nullptr) return;
  for (const auto& [name, cursor] : stored_cursors_)
    if (is_gone(name)) removed_.insert(name);
}

std::optional<Timestamp> Planner::put(const spool::JobPtr& job, Timestamp now) {
  const auto known = entries_.find(job->name);
  if (known == entries_.end()) {
    put_new(job, now);
    return std::nullopt;
  }
  if (known->second.next && *known->second.next <= now) step(now);
  const auto through = known->second.cursor;
  if (has_same_times(*known->second.job, *job)) {
    insert(job, through, now);
    return std::nullopt;
  }
  keep_overdue(known->second, now);
  begin_timetable(job, now);
  const bool planned_ahead = through > now && through <= now + ahead_;
  const bool stays = job->schedule.next(through - std::chrono::milliseconds(1), job->zone) == through;
  return planned_ahead && !stays ? std::optional(through) : std::nullopt;
}

// Also of a paused job: what was due before the pause.
void Planner::keep_overdue(const Entry& entry, Timestamp now) {
  if (!entry.job->config.settings.enabled) return;
  auto passed = entry;
  passed.next = entry.job->schedule.next(entry.cursor, entry.job->zone);
  if (passed.next && *passed.next <= now) overdue_.push_back({std::move(passed), now, cannot_plan()});
}

void Planner::put_new(const spool::JobPtr& job, Timestamp now) {
  if (removed_.erase(job->name) > 0) return begin_timetable(job, now);
  const auto cursor = recent_cursor(*job, now);
  if (!cursor) {
    unread_.insert_or_assign(job->name, job);
  } else if (*cursor) {
    insert(job, **cursor, now);
  } else {
    begin_timetable(job, now);
  }
}

// A job that is new here may be one that another member has planned until just now, or of a directory that came up
// after the start: what was left is not passed over. A job that was gone for longer begins anew.
Result<std::optional<Timestamp>> Planner::recent_cursor(const spool::Job& job, Timestamp now) const {
  const auto stored = context_.store.cursor(job.name);
  if (!stored) return tl::unexpected(stored.error());
  if (!*stored || (*stored)->timetable != timetable_of(job)) return std::nullopt;
  const auto cursor = (*stored)->planned_through;
  const auto next = job.schedule.next(cursor, job.zone);
  if (!next || *next < now - kRolledOut) return std::nullopt;
  return std::min(cursor, now);
}

void Planner::remove(const std::string& name, Timestamp now) {
  if (unread_.erase(name) > 0) removed_.insert(name);
  const auto known = entries_.find(name);
  if (known == entries_.end()) return;
  if (known->second.next && *known->second.next <= now) step(now);
  keep_overdue(known->second, now);
  if (known->second.next) queue_.erase(&known->second);
  entries_.erase(known);
  removed_.insert(name);
}

void Planner::set_paused(std::map<std::string, store::Pause> paused) {
  paused_.swap(paused);
  for (auto& [name, entry] : entries_) {
    if (paused_.contains(name) == paused.contains(name)) continue;
    schedule(entry);
  }
}

// The clock was set back: times after `now` come again. Those that had a run keep it (the store has one per nominal
// time); those that were only passed over get their turn.
void Planner::turn_back(Timestamp now) {
  for (auto& [name, entry] : entries_) {
    if (entry.cursor <= now + ahead_) continue;
    entry.cursor = now;
    schedule(entry);
  }
  for (auto& overdue : overdue_) overdue.through = std::min(overdue.through, now);
}

std::string Planner::cannot_plan() const {
  return "runs could not be planned at its time (" + failure_ + ")";
}

std::string Planner::missed_because(const Entry& entry, Timestamp time) const {
  if (failing_since_ && time + kPunctual >= *failing_since_) return cannot_plan();
  if (started_ && time >= *started_ && time < entry.known_since)
    return "the runner had no good form of its job at its time (not there, broken or not readable)";
  if (started_ && time >= *started_)
    return "the runner did not come to it at its time (the machine slept, or its clock was set)";
  return context_.store.group() == nullptr ? "the runner was not running at its time, or could not use its record yet"
                                           : "no runner was running at its time, or could use the database";
}

void Planner::plan_missed(const Entry& entry, Timestamp last, std::string why, const Pauses& pauses, Plan& plan) {
  int count = 0;
  auto time = entry.job->schedule.next(entry.cursor, entry.job->zone);
  while (time && *time <= last && count < kCountMissedUpTo) {
    const auto* pause = pause_at(pauses, entry.job->name, *time);
    if (pause == nullptr) ++count;
    time = entry.job->schedule.next(pause != nullptr ? pause->until : *time, entry.job->zone);
  }
  auto run = run_of(*entry.job, last);
  run.state = store::RunState::missed;
  run.reason = std::move(why);
  if (count >= kCountMissedUpTo) {
    run.reason += ", nor at " + std::to_string(count - 1) + " or more times before it";
  } else if (count > 1) {
    run.reason += ", nor at " + std::to_string(count - 1) + (count == 2 ? " time" : " times") + " before it";
  }
  plan.runs.push_back(std::move(run));
}

void Planner::plan_launch(const Entry& entry, Timestamp nominal, Timestamp counted_from, Plan& plan) {
  const auto& job = *entry.job;
  const auto offset = spread(job.name, job.config.settings.splay + std::chrono::milliseconds(1));
  auto run = run_of(job, nominal);
  run.wake = counted_from + offset;
  run.deadline = launch_deadline(job, nominal, counted_from) + offset;
  if (counted_from != nominal) run.reason = "caught up: its time was missed";
  plan.runs.push_back(std::move(run));
}

void Planner::plan_entry(const Entry& entry, Timestamp now, const Pauses& pauses, Plan& plan) {
  const auto& job = *entry.job;
  auto timetable = timetable_of(job);
  if (*entry.next > now) {
    plan.cursors.push_back({job.name, *entry.next, std::move(timetable)});
    return plan_launch(entry, *entry.next, *entry.next, plan);
  }
  plan.cursors.push_back(
      {job.name, job.schedule.latest(entry.cursor, now, job.zone).value_or(now), std::move(timetable)});
  plan_passed({entry, now}, now, pauses, plan);
}

// Of a job that changed several times meanwhile only one form's time is launched: that of the newest. Of a paused one
// what was due before the pause was missed.
void Planner::plan_passed(const Passed& passed, Timestamp now, const Pauses& pauses, Plan& plan) {
  const auto& [entry, through, not_planned] = passed;
  const auto& job = *entry.job;
  const auto pause = paused_.find(job.name);
  const bool paused = pause != paused_.end();
  const auto last = paused ? std::min(through, pause->second.since - std::chrono::milliseconds(1)) : through;
  const auto newest = latest_outside(job, entry.cursor, last, pauses);
  if (!newest) return;
  const bool has_newer = !not_planned.empty() && std::any_of(plan.runs.begin(), plan.runs.end(), [&](const auto& run) {
    return run.job == entry.job->name && run.state == store::RunState::due;
  });
  const bool punctual = now - *newest <= kPunctual;
  const bool launch = !paused && !has_newer && (punctual || job.config.settings.catchup == config::CatchUp::latest);
  const auto last_missed =
      launch ? latest_outside(job, entry.cursor, *newest - std::chrono::milliseconds(1), pauses) : newest;
  if (last_missed)
    plan_missed(entry, *last_missed, not_planned.empty() ? missed_because(entry, *last_missed) : not_planned, pauses,
                plan);
  if (launch) plan_launch(entry, *newest, punctual ? *newest : now, plan);
}

// Those that times which have passed may lie in; only then are they asked for.
Result<Planner::Pauses> Planner::pauses_met(Timestamp now) const {
  std::optional<Timestamp> earliest;
  for (auto it = queue_.begin(); it != queue_.end() && planned_at(**it) <= now; ++it)
    if (const auto next = *(*it)->next; next <= now - kNotice) earliest = std::min(earliest.value_or(next), next);
  for (const auto& [entry, through, not_planned] : overdue_)
    earliest = std::min(earliest.value_or(*entry.next), *entry.next);
  if (!earliest) return Pauses();
  auto pauses = context_.store.finished_pauses(*earliest);
  // One that ends in the future ended by a wrong clock.
  if (pauses) std::erase_if(*pauses, [&](const auto& pause) { return pause.second.until > context_.group_time(now); });
  return pauses;
}

// When it is tried again.
Timestamp Planner::not_planned(const Error& error, Timestamp now) {
  ++failures_;
  failure_ = error.text();
  if (!failing_since_) failing_since_ = now;
  // Others plan for a machine whose clock is off; that is told by who watches the group.
  left_to_others_ = error.retry == Retry::no && context_.store.group() != nullptr;
  if (error.retry != Retry::no && !std::exchange(told_, true))
    context_.log.error("Runs cannot be planned, nothing is launched: " + error.text());
  return now + retry_pause(kStoragePauses, failures_, "planner");
}

Result<void> Planner::commit(const Plan& plan, Timestamp now) {
  const auto planned = context_.store.plan(plan.cursors, plan.runs, now);
  if (!planned) return tl::unexpected(planned.error());
  if (std::exchange(told_, false))
    context_.log.notice("Runs can be planned again: " + counted(plan.runs.size(), "run") + " had waited.");
  tell_missed(plan, *planned);
  return {};
}

Result<void> Planner::forget_removed() {
  if (removed_.empty()) return {};
  const std::vector<std::string> names(removed_.begin(), removed_.end());
  if (auto done = context_.store.forget_cursors(names); !done) return done;
  removed_.clear();
  return {};
}

// Many that were missed together have one cause.
void Planner::tell_missed(const Plan& plan, const std::vector<bool>& fresh) const {
  std::vector<const store::Run*> missed;
  for (std::size_t i = 0; i < plan.runs.size(); ++i)
    if (fresh[i] && plan.runs[i].state == store::RunState::missed) missed.push_back(&plan.runs[i]);
  const bool few = missed.size() <= kMostMissedTold;
  for (const auto* run : missed)
    context_.log.write(few ? log::Level::warning : log::Level::debug, run->name() + ": missed: " + run->reason);
  if (!few)
    context_.log.warning(std::to_string(missed.size()) +
                         " jobs missed runs, `mig-runner history --state missed` lists them; the first is " +
                         missed.front()->name() + ": " + missed.front()->reason);
}

std::optional<Timestamp> Planner::step(Timestamp now) {
  if (last_step_ && now < *last_step_) turn_back(now);
  last_step_ = now;
  if (!started_) started_ = now;

  for (const auto& [name, job] : std::exchange(unread_, {})) put_new(job, now);
  const auto pauses = pauses_met(now);
  if (!pauses) return not_planned(pauses.error(), now);
  Plan plan;
  plan.cursors = unwritten_;
  std::vector<Entry*> due;
  for (auto it = queue_.begin(); it != queue_.end() && planned_at(**it) <= now; ++it) {
    due.push_back(*it);
    plan_entry(**it, now, *pauses, plan);
  }
  for (auto it = overdue_.rbegin(); it != overdue_.rend(); ++it) plan_passed(*it, now, *pauses, plan);
  if (!plan.cursors.empty() || !plan.runs.empty())
    if (const auto done = commit(plan, now); !done) return not_planned(done.error(), now);
  for (std::size_t i = 0; i < due.size(); ++i) {
    due[i]->cursor = plan.cursors[unwritten_.size() + i].planned_through;
    schedule(*due[i]);
  }
  failures_ = 0;
  failing_since_.reset();
  unwritten_ = {};
  overdue_ = {};
  const auto next = queue_.empty() ? std::nullopt : std::optional(planned_at(**queue_.begin()));
  // Neither keeps another job from being planned, or is told: it is tried until it works.
  if (!forget_removed() || !unread_.empty())
    return std::min(next.value_or(Timestamp::max()), now + kStoragePauses.longest);
  return next;
}

const std::string* Planner::failure() const {
  return failures_ > 0 && !left_to_others_ ? &failure_ : nullptr;
}

std::optional<Timestamp> Planner::next_time() const {
  return queue_.empty() ? std::nullopt : (*queue_.begin())->next;
}

}  // namespace mig_runner::stages

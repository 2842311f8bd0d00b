#include "daemon/daemon.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>

#include "base/children.h"
#include "base/file_access.h"
#include "base/text.h"
#include "cron/zone.h"
#include "daemon/daemon_impl.h"
#include "daemon/spool_report.h"
#include "stages/guarded_paths.h"

namespace mig_runner::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Writes to a job come in bursts (an editor, a configuration management run): look once a burst is over, but not never.
constexpr milliseconds kSpoolQuiet{50};
// How soon what a command wrote into the store (a launch, a pause, a repair) is noticed.
constexpr milliseconds kStoreLook{500};

}  // namespace

Daemon::Daemon(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Daemon::~Daemon() = default;

// Each place once: it may concern thousands of jobs.
void Daemon::Impl::report_writers(const spool::Job& job) {
  std::string objection;
  bool all_told = true;
  for (const auto& guarded : stages::guarded_job(configuration.runner.directory, job.name, job.config.plugin)) {
    const auto writers = stages::writers_of(guarded, geteuid());
    all_told = all_told && writers;
    if (!writers) continue;  // told when the job is to be launched
    for (const auto& writer : *writers) {
      if (writer.is_serious() && objection.empty()) objection = writer.text(writer.place.string(), guarded.reach);
      if (!told_places.insert(writer.place).second) continue;
      log.write(writer.is_serious() ? log::Level::err : log::Level::warning,
                job.name + ": " + writer.text(writer.place.string(), guarded.reach) +
                    (writer.is_serious() ? "; what rests on it does not run until then" : ""));
    }
  }
  if (all_told || !objection.empty()) jobs.set_objection(job, std::move(objection));
}

void Daemon::Impl::apply(const std::vector<spool::Change>& changes, bool at_start) {
  using Kind = spool::Change::Kind;
  for (const auto& line : spool_report(changes, at_start, configuration.runner.checkdirectory))
    log.write(line.level, line.text);
  for (const auto& change : changes) {
    if (change.kind == Kind::added || change.kind == Kind::changed || change.kind == Kind::rezoned) {
      if (at_start || (change.kind == Kind::added && change.was_there)) {
        planner->start(change.job, now());
      } else if (const auto withdrawn = planner->put(change.job, now())) {
        jobs.withdraw(change.name, *withdrawn);
      }
      report_writers(*change.job);
      jobs.put(change.job);
    } else if (change.kind == Kind::removed) {
      planner->remove(change.name, now());
      jobs.remove(change.name);
    }
  }
  if (changes.empty() && !at_start) return;
  group.tell_jobs();
  engine->wake_all();  // other runs may be this runner's to work on
}

// True where the zones of jobs have other rules now, or can be used now.
bool Daemon::Impl::follow_zones() {
  using Kind = cron::ZoneChange::Kind;
  const auto changes = cron::renew_zones();
  bool followed = false;
  for (const auto& change : changes) {
    log.write(change.kind == Kind::kept ? log::Level::err : log::Level::notice, change.text);
    followed = followed || change.kind != Kind::kept;
  }
  if (!followed) return false;
  spool->read_all_again();
  apply(spool->scan(), false);
  planner->step(now());
  return true;
}

Result<void> Daemon::Impl::follow_pauses() {
  auto paused = store->paused();
  if (!paused) return tl::unexpected(paused.error());
  planner->set_paused(*paused);
  jobs.set_paused(std::move(*paused));
  return {};
}

bool Daemon::Impl::follow_pauses_again() {
  const auto followed = follow_pauses();
  if (!followed && pauses_trouble.begins())
    log.error("Which jobs are paused cannot be read: " + followed.error().text());
  if (followed && pauses_trouble.ends()) log.notice("Which jobs are paused can be read again.");
  return followed.has_value();
}

// Somebody may have renamed, removed or replaced what this runner works on, and what keeps others off it.
void Daemon::Impl::look_at_state() {
  const auto may = store->may_launch();
  if (!may && state_trouble.begins())
    log.error("Nothing is launched: " + may.error().text() +
              ". What was launched is collected and delivered. Put back what was there, or restart the runner, which"
              " then goes on with what it finds");
  if (!may || !state_trouble.ends()) return;
  log.notice("Launching goes on: what was renamed, removed or replaced is back.");
  engine->wake_all();
}

// A command beside this process, or another runner, may have written there. What cannot be read now is tried again at
// the next look.
void Daemon::Impl::look_at_store() {
  look_at_state();
  if (group.look(steady_clock::now())) engine->wake_all();
  if (clock_to_follow) bring_forward();
  for (const auto& refused : store->take_refused()) log.error("In the record of runs: " + refused + ".");
  const auto written = store->written_by_others();
  const bool back = std::exchange(store_unseen, !written) && written;
  if (!back && (!written || !*written)) return;
  const bool followed = follow_pauses_again();
  if (back) engine->wake_all();
  store_unseen = !followed || (!back && !engine->look_for_work());
}

void Daemon::Impl::clock_was_set() {
  log.notice("The clock was set.");
  clock_to_follow = true;
  bring_forward();
  engine->wake_all();
}

void Daemon::Impl::bring_forward() {
  const auto moved = store->bring_forward(engine->context().group_time(now()));
  // Others do the work of a machine whose clock is off.
  clock_to_follow = !moved && moved.error().retry != Retry::no;
  if (clock_to_follow && clock_trouble.begins())
    log.error("Waiting runs do not follow the new time yet: " + moved.error().text());
  if (!clock_to_follow && clock_trouble.ends()) log.notice("Waiting runs follow the new time.");
}

// For who asks the service manager how the runner is.
std::string Daemon::Impl::status() const {
  if (const auto may = store->may_launch(); !may) return "nothing is launched: " + may.error().text();
  const auto next = planner->next_time();
  const auto count = jobs.size();
  return counted(count, "job") + (next ? ", next launch at " + format_utc(*next) : ", none to launch");
}

Result<void> Daemon::Impl::loop() {
  auto next_scan = steady_clock::now() + configuration.runner.checkdirectory;
  bool quiet = false;  // the kernel told of changes; a look follows once it is quiet
  while (true) {
    const auto next = planner->step(now());
    const auto until_scan = std::chrono::ceil<milliseconds>(next_scan - steady_clock::now());
    auto longest = quiet ? kSpoolQuiet : std::clamp(until_scan, milliseconds(0), kStoreLook);
    service_manager.status(status());
    const auto round = steady_clock::now();
    if (const auto until_alive = service_manager.alive(round, engine->works(round)))
      longest = std::min(longest, std::chrono::ceil<milliseconds>(*until_alive));
    if (missed.reload || missed.clock_was_set) longest = milliseconds(0);
    auto events = wakeups.wait(next, longest, quiet ? -1 : spool->event_fd());
    if (events.terminate) return {};
    events.add(std::exchange(missed, {}));
    reap_orphans();
    if (events.reload) {
      service_manager.reloading();
      const auto goes_on = reload();
      if (!goes_on) return tl::unexpected(goes_on.error());
      if (!*goes_on) return {};
      service_manager.ready();
      next_scan = steady_clock::now() + configuration.runner.checkdirectory;
    }
    if (events.clock_was_set) clock_was_set();
    look_at_store();
    if (quiet || spool->is_waiting()) apply(spool->read_events(), false);
    quiet = events.spool;
    if (steady_clock::now() < next_scan) continue;
    if (!follow_zones()) apply(spool->scan(), false);
    if (adoption.is_left()) adoption.look_again(engine->context(), now());
    next_scan = steady_clock::now() + configuration.runner.checkdirectory;
  }
}

Result<void> Daemon::run() {
  impl_->service_manager.ready();
  auto ended = impl_->loop();
  impl_->service_manager.stopping();
  if (!ended) impl_->log.error(ended.error().text());
  impl_->log.notice("Stopping: what is under way is finished or kept for the next start.");
  impl_->planner.reset();
  impl_->engine.reset();
  impl_->store->close();
  impl_->log.notice("Stopped.");
  return ended;
}

}  // namespace mig_runner::daemon

#include "runner/daemon.h"

#include <malloc.h>
#include <sys/prctl.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <set>
#include <string>

#include "runner/adoption.h"
#include "runner/configuration.h"
#include "runner/end_watch.h"
#include "runner/engine.h"
#include "runner/group_watch.h"
#include "runner/planner.h"
#include "runner/run_flow.h"
#include "runner/service_manager.h"
#include "runner/switchable_log.h"
#include "runner/trouble.h"
#include "runner/wakeups.h"
#include "spool/spool.h"
#include "store/tree_lock.h"

namespace mig_runner::runner {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Writes to a job come in bursts (an editor, a configuration management run): look once a burst is over, but not never.
constexpr milliseconds kSpoolQuiet{50};
// How soon what a command wrote into the store (a launch, a pause, a repair) is noticed.
constexpr milliseconds kStoreLook{500};

// How often a database that is away when the runner starts is tried.
constexpr std::chrono::seconds kDatabasePause{2};

std::string joined(const std::vector<config::Problem>& problems) {
  std::string text;
  for (const auto& problem : problems) {
    if (!text.empty()) text += '\n';
    text += (problem.fatal ? "" : "warning: ") + problem.text();
  }
  return text;
}

// By itself the allocator makes an arena for each of a dozen threads and, after the first page of results, keeps what
// pages leave behind. Pages are mapped and unmapped instead.
void keep_memory_small() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, 1 * 1024 * 1024);
  mallopt(M_TRIM_THRESHOLD, 8 * 1024 * 1024);
}

std::string jobs_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " job" : " jobs");
}

Result<sign::Key> load_key(const Configuration& configuration, Timestamp now) {
  return sign::Key::load(configuration.client.gpg_home, configuration.client.keyid, configuration.passphrase, now);
}

// Null without a server, for which nobody waits.
Result<std::unique_ptr<EndWatch>> watch_end(const store::Location& location, log::Log& log, store::RunStore* store) {
  if (!location.is_postgresql()) return nullptr;
  return EndWatch::begin(log, store);
}

// Waits for a database server that is away: after a power cut it may start later than its runners. No store where a
// signal ended that.
Result<store::Opened> open_store(const store::Location& location, milliseconds lease, Wakeups& wakeups,
                                 Wakeups::Events& missed, log::Log& log) {
  for (bool told = false;; told = true) {
    auto opened = store::RunStore::open(location, "runner", system_clock().now(), lease);
    if (opened || !location.is_postgresql() || opened.error().retry == Retry::no) return opened;
    if (!told) log.error("Nothing is launched until the database can be used: " + opened.error().text());
    const auto events = wakeups.wait(std::nullopt, kDatabasePause, -1);
    if (events.terminate) return store::Opened{};
    missed.add(events);
  }
}

}  // namespace

struct Daemon::Impl {
  Impl(std::filesystem::path config_path, Configuration the_configuration, Wakeups the_wakeups,
       std::shared_ptr<log::Log> sink, store::TreeLock the_lock, std::unique_ptr<store::RunStore> the_store)
      : path(std::move(config_path)),
        configuration(std::move(the_configuration)),
        wakeups(std::move(the_wakeups)),
        log(std::move(sink)),
        lock(std::move(the_lock)),
        store(std::move(the_store)) {}
  // While the end is watched: all that may wait for the store.
  ~Impl() {
    planner.reset();
    engine.reset();
    store->close();
  }

  Result<bool> start_stages(const sign::Key& key);
  Result<void> start_engine(const sign::Key& key);
  Result<void> start_planner();
  bool reload();
  void apply(const std::vector<spool::Change>& changes, bool at_start);
  void report(const spool::Change& change, bool at_start);
  Result<void> follow_pauses();
  bool follow_pauses_again();
  void look_at_store();
  void clock_was_set();
  std::string status() const;
  void loop();

  Timestamp now() const { return system_clock().now(); }

  std::filesystem::path path;
  Configuration configuration;
  Wakeups wakeups;
  Wakeups::Events missed;  // while the database was waited for
  SwitchableLog log;
  store::TreeLock lock;
  std::unique_ptr<store::RunStore> store;
  bool store_unseen = false;  // not all of it could be read at the last look
  Trouble pauses_trouble;
  JobBook jobs;
  GroupWatch group{*store, jobs, log, steady_clock::now()};
  ServiceManager service_manager;
  std::unique_ptr<spool::Spool> spool;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Planner> planner;
  std::unique_ptr<EndWatch> end_watch;  // with a database server
};

Daemon::Daemon(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Daemon::~Daemon() = default;

Result<std::unique_ptr<Daemon>> Daemon::start(const std::filesystem::path& runner_cfg) {
  keep_memory_small();
  std::signal(SIGPIPE, SIG_IGN);
  // The key and its passphrase are in memory: they must not get into a core file.
  prctl(PR_SET_DUMPABLE, 0);
  auto wakeups = Wakeups::create();
  if (!wakeups) return tl::unexpected(wakeups.error());
  auto loaded = load_configuration(runner_cfg);
  if (!loaded.value) return fail(joined(loaded.problems));
  auto& configuration = *loaded.value;
  auto sink = log::Log::open(log_settings(configuration.runner.logging), system_clock());
  if (!sink) return tl::unexpected(sink.error());
  for (const auto& problem : loaded.problems) (*sink)->warning(problem.text());

  const auto key = load_key(configuration, system_clock().now());
  if (!key) return tl::unexpected(key.error());
  for (const auto& warning : key->warnings()) (*sink)->warning(warning);
  const auto state = configuration.runner.directory / "state";
  auto lock = store::TreeLock::acquire(state, system_clock().now());
  if (!lock) return tl::unexpected(lock.error());
  const auto location = store_location(configuration.runner);
  if (!location) return tl::unexpected(location.error());
  auto waiting = watch_end(*location, **sink, nullptr);
  if (!waiting) return tl::unexpected(waiting.error());
  Wakeups::Events missed;
  auto opened = open_store(*location, configuration.runner.lease, *wakeups, missed, **sink);
  if (!opened) return tl::unexpected(opened.error());
  if (!opened->store) return nullptr;
  waiting->reset();
  if (!opened->set_aside.empty())
    (*sink)->error("The record of runs was damaged (" + opened->damage + "); it is set aside as " + opened->set_aside +
                   " and a new one is begun: what was in flight is not collected, see docs/operating.md");

  std::unique_ptr<Daemon> daemon(
      new Daemon(std::make_unique<Impl>(runner_cfg, std::move(configuration), std::move(*wakeups), std::move(*sink),
                                        std::move(*lock), std::move(opened->store))));
  auto& impl = *daemon->impl_;
  impl.missed = missed;
  auto end_watch = watch_end(*location, impl.log, impl.store.get());
  if (!end_watch) return tl::unexpected(end_watch.error());
  impl.end_watch = std::move(*end_watch);
  impl.log.notice("mig-runner starts in " + impl.configuration.runner.directory.string() + ", signing with " +
                  key->fingerprint());
  const auto started = impl.start_stages(*key);
  if (!started) return tl::unexpected(started.error());
  return *started ? std::move(daemon) : nullptr;
}

// Waits for a database server that is away; false where a signal ended that.
Result<bool> Daemon::Impl::start_stages(const sign::Key& key) {
  for (bool told = false;; told = true) {
    auto started = engine ? Result<void>() : start_engine(key);
    if (started) started = start_planner();
    if (started) return true;
    planner.reset();
    if (store->term() == 0 || started.error().retry == Retry::no) return tl::unexpected(started.error());
    if (!told) log.error("Nothing is launched until the database can be used: " + started.error().text());
    static_cast<void>(service_manager.alive(steady_clock::now()));
    const auto events = wakeups.wait(std::nullopt, kDatabasePause, -1);
    if (events.terminate) return false;
    if (events.reload) log.reopen();
    missed.add(events);
  }
}

Result<void> Daemon::Impl::start_engine(const sign::Key& key) {
  auto started = Engine::start(configuration, key, {jobs, *store, log, system_clock()});
  if (!started) return tl::unexpected(started.error());
  engine = std::move(*started);
  return {};
}

// The jobs as they are now; needs the engine for its context.
Result<void> Daemon::Impl::start_planner() {
  const auto& runner = configuration.runner;
  planner = std::make_unique<Planner>(engine->context(), kAhead);
  if (auto loaded = planner->load(); !loaded) return loaded;
  if (auto followed = follow_pauses(); !followed) return followed;
  spool = std::make_unique<spool::Spool>(runner.directory / "runners", runner.job_defaults);
  for (const auto& job : jobs.all()) jobs.remove(job->name);  // one may have gone just before a reload
  apply(spool->scan(), true);
  adopt_inflight(engine->context(), now());
  engine->begin();
  planner->step(now());  // from here on no time of a job is forgotten, whatever ends this process
  log.notice("Following " + jobs_text(spool->size()) + " in " + runner.directory.string());
  malloc_trim(0);  // what reading all jobs at once has left
  return {};
}

void Daemon::Impl::report(const spool::Change& change, bool at_start) {
  using Kind = spool::Change::Kind;
  for (const auto& problem : change.problems)
    log.write(problem.fatal ? log::Level::err : log::Level::warning, problem.text());
  switch (change.kind) {
    case Kind::added:
      return log.write(at_start ? log::Level::debug : log::Level::notice, change.name + ": job added");
    case Kind::changed:
      return log.notice(change.name + ": job changed");
    case Kind::removed:
      return log.notice(change.name + ": job removed");
    case Kind::broken:
      return log.error(change.name + (change.job ? ": job is broken, its last good form keeps running"
                                                 : ": job is broken and does not run"));
  }
}

void Daemon::Impl::apply(const std::vector<spool::Change>& changes, bool at_start) {
  using Kind = spool::Change::Kind;
  for (const auto& change : changes) {
    report(change, at_start);
    if (change.kind == Kind::added || change.kind == Kind::changed) {
      if (at_start) {
        planner->start(change.job, now());
      } else {
        planner->put(change.job, now());
      }
      jobs.put(change.job);
    } else if (change.kind == Kind::removed) {
      planner->remove(change.name, now());
      jobs.remove(change.name);
    }
  }
  if (changes.empty() && !at_start) return;
  group.tell_jobs();
  engine->ring_all();  // other runs may be this runner's to work on
}

// False where a signal asked for the end meanwhile.
bool Daemon::Impl::reload() {
  log.reopen();
  auto loaded = load_configuration(path);
  for (const auto& problem : loaded.problems)
    log.write(problem.fatal ? log::Level::err : log::Level::warning, problem.text());
  const auto refuse = [&](const std::string& why) {
    log.error("The configuration was not reloaded" + why);
    return true;
  };
  if (!loaded.value) return refuse("; the runner goes on with the one it has.");
  if (loaded.value->fingerprint == configuration.fingerprint) {
    log.notice("Reloaded: log reopened, configuration unchanged.");
    return true;
  }
  if (loaded.value->runner.directory != configuration.runner.directory)
    return refuse(": a new runner.directory needs a restart.");
  if (loaded.value->runner.store != configuration.runner.store ||
      loaded.value->runner.lease != configuration.runner.lease)
    return refuse(": a new runner.store or runner.lease needs a restart.");

  const auto key = load_key(*loaded.value, now());
  if (!key) return refuse(": " + key.error().text());
  auto sink = log::Log::open(log_settings(loaded.value->runner.logging), system_clock());
  if (!sink) return refuse(": " + sink.error().text());
  // What needs the store to start again is not ended without it.
  if (const auto known = store->cursors(); !known) return refuse(": " + known.error().text());

  planner.reset();
  engine.reset();
  configuration = std::move(*loaded.value);
  log.exchange(std::move(*sink));
  const auto started = start_stages(*key);
  if (!started)
    log.error("Nothing is launched after the reload, restart the runner: " + started.error().text());
  else if (*started)
    log.notice("Reloaded: the new configuration is in use.");
  return started.value_or(true);
}

Result<void> Daemon::Impl::follow_pauses() {
  auto paused = store->paused();
  if (!paused) return tl::unexpected(paused.error());
  std::set<std::string> names;
  for (const auto& [name, since] : *paused) names.insert(name);
  planner->set_paused(std::move(names), now());
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

// A command beside this process, or another runner, may have written there. What cannot be read now is tried again at
// the next look.
void Daemon::Impl::look_at_store() {
  if (group.look(steady_clock::now())) engine->ring_all();
  const auto written = store->written_by_others();
  const bool back = std::exchange(store_unseen, !written) && written;
  if (!back && (!written || !*written)) return;
  const bool followed = follow_pauses_again();
  if (back) engine->ring_all();
  store_unseen = !followed || (!back && !engine->look_for_work());
}

void Daemon::Impl::clock_was_set() {
  log.notice("The clock was set.");
  if (auto moved = store->bring_forward(now()); !moved)
    log.error("Waiting runs do not follow the new time: " + moved.error().text());
  if (engine) engine->ring_all();
}

// For who asks the service manager how the runner is.
std::string Daemon::Impl::status() const {
  if (!planner) return "Nothing is launched since the last reload; restart the runner, the log says why";
  const auto next = planner->next_time();
  const auto count = jobs.size();
  return jobs_text(count) + (next ? ", next launch at " + format_utc(*next) : ", none to launch");
}

void Daemon::Impl::loop() {
  auto next_scan = steady_clock::now() + configuration.runner.checkdirectory;
  bool quiet = false;  // the kernel told of changes; a look follows once it is quiet
  while (true) {
    std::optional<Timestamp> next;
    if (planner) next = planner->step(now());
    const auto until_scan = std::chrono::ceil<milliseconds>(next_scan - steady_clock::now());
    auto longest = quiet ? kSpoolQuiet : std::clamp(until_scan, milliseconds(0), kStoreLook);
    service_manager.status(status());
    if (const auto until_alive = service_manager.alive(steady_clock::now()))
      longest = std::min(longest, std::chrono::ceil<milliseconds>(*until_alive));
    if (missed.reload || missed.clock_was_set) longest = milliseconds(0);
    auto events = wakeups.wait(next, longest, quiet || !spool ? -1 : spool->event_fd());
    if (events.terminate) return;
    events.add(std::exchange(missed, {}));
    if (events.reload) {
      service_manager.reloading();
      if (!reload()) return;
      service_manager.ready();
      next_scan = steady_clock::now() + configuration.runner.checkdirectory;
    }
    if (events.clock_was_set) clock_was_set();
    if (!planner || !spool) continue;
    look_at_store();
    if (quiet) apply(spool->read_events(), false);
    quiet = events.spool;
    if (steady_clock::now() < next_scan) continue;
    apply(spool->scan(), false);
    next_scan = steady_clock::now() + configuration.runner.checkdirectory;
  }
}

void Daemon::run() {
  impl_->service_manager.ready();
  impl_->loop();
  impl_->service_manager.stopping();
  impl_->log.notice("Stopping: what is under way is finished or kept for the next start.");
  impl_->planner.reset();
  impl_->engine.reset();
  impl_->store->close();
  impl_->log.notice("Stopped.");
}

}  // namespace mig_runner::runner

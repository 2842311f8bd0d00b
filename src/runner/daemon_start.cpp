// How the runner starts, and starts its stages anew with another configuration.

#include <malloc.h>

#include <chrono>
#include <csignal>
#include <string>

#include "base/file_status.h"
#include "base/text.h"
#include "config/tree_layout.h"
#include "runner/adoption.h"
#include "runner/daemon_impl.h"
#include "runner/run_flow.h"

namespace mig_runner::runner {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

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

// Neither file of a job is in its directory. Where that cannot be told, the job may be there.
bool is_gone(const std::filesystem::path& directory) {
  for (const auto* file : {"entity.cfg", "action.json"})
    if (const auto status = file_status(directory / file, Symlinks::followed); !status || *status) return false;
  return true;
}

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::start(const std::filesystem::path& runner_cfg) {
  keep_memory_small();
  std::signal(SIGPIPE, SIG_IGN);
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
  const auto state = config::state_in(configuration.runner.directory);
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
  impl.store->launch_only_if([&lock = impl.lock] { return lock.check(); });
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
  const auto before = jobs.all();
  for (const auto& job : before) jobs.remove(job->name);  // one may have gone just before a reload
  spool =
      std::make_unique<spool::Spool>(config::runners_in(runner.directory), runner.job_defaults, system_clock(), before);
  apply(spool->scan(), true);
  planner->remove_unless_started([&](const std::string& name) {
    return spool::job_name_problem(name).empty() && is_gone(config::runners_in(runner.directory) / name);
  });
  adopt_inflight(engine->context(), now());
  engine->begin();
  planner->step(now());  // from here on no time of a job is forgotten, whatever ends this process
  log.notice("Following " + counted(spool->size(), "job") + " in " + runner.directory.string());
  malloc_trim(0);  // what reading all jobs at once has left
  return {};
}

// False where a signal asked for the end meanwhile. An Error where nothing could be launched any more.
Result<bool> Daemon::Impl::reload() {
  log.reopen();
  const bool zones_changed = follow_zones();
  auto loaded = load_configuration(path);
  for (const auto& problem : loaded.problems)
    log.write(problem.fatal ? log::Level::err : log::Level::warning, problem.text());
  const auto refuse = [&](const std::string& why) {
    log.error("The configuration was not reloaded" + why);
    return true;
  };
  if (!loaded.value) return refuse("; the runner goes on with the one it has.");
  if (loaded.value->fingerprint == configuration.fingerprint) {
    log.notice(zones_changed ? "Reloaded: log reopened; time zones changed, and nothing else of the configuration."
                             : "Reloaded: log reopened, configuration unchanged.");
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

  planner->step(now());  // what was due so far was due by the old configuration
  planner.reset();
  engine.reset();
  configuration = std::move(*loaded.value);
  log.exchange(std::move(*sink));
  const auto started = start_stages(*key);
  if (!started)
    return fail("The runner ends, since it cannot go on with the new configuration: " + started.error().text());
  if (*started) log.notice("Reloaded: the new configuration is in use.");
  return *started;
}

}  // namespace mig_runner::runner

// How the runner starts, and starts its stages anew with another configuration.

#include <malloc.h>

#include <chrono>
#include <csignal>
#include <string>

#include "base/file_status.h"
#include "base/names.h"
#include "base/text.h"
#include "config/tree_layout.h"
#include "daemon/daemon_impl.h"
#include "daemon/start_wait.h"
#include "stages/run_flow.h"

namespace mig_runner::daemon {
namespace {

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
  const auto& client = configuration.client;
  auto key = sign::Key::load(client.gpg_home, client.keyid, configuration.passphrase, now);
  if (!key && !may_pass(client.gpg_home, Access::read)) key.error().retry = Retry::no;
  return key;
}

// Retry::later where a file could not be read for a reason that may pass.
Result<LoadedConfiguration> load(const std::filesystem::path& runner_cfg) {
  auto loaded = load_configuration(runner_cfg);
  if (loaded.value) return loaded;
  return fail(joined(loaded.problems), {}, loaded.retry);
}

Result<std::unique_ptr<log::Log>> open_log(const config::LoggingConfig& logging) {
  auto log = log::Log::open(log_settings(logging), system_clock());
  if (log || log.error().retry == Retry::no || may_pass(logging.file, Access::write)) return log;
  return fail(log.error().what, log.error().where);
}

// Until the configured one is known.
Result<std::unique_ptr<log::Log>> log_to_stderr() {
  log::Settings settings;
  settings.mode = log::Settings::Mode::standard_error;
  return log::Log::open(settings, system_clock());
}

void tell_damage(log::Log& log, const store::Opened& opened) {
  if (opened.set_aside.empty()) return;
  log.error("The record of runs was damaged (" + opened.damage + "); it is set aside as " + opened.set_aside +
            " and a new one is begun: what was in flight is not collected, see docs/backup.md");
}

// Neither file of a job is in its directory. Where that cannot be told, the job may be there.
bool is_gone(const std::filesystem::path& directory) {
  for (const auto* file : {"entity.cfg", "action.json"})
    if (const auto status = file_status(directory / file, Symlinks::followed); !status || *status) return false;
  return true;
}

}  // namespace

// Null where a signal asked for the end.
Result<std::unique_ptr<Daemon>> Daemon::start(const std::filesystem::path& runner_cfg) {
  keep_memory_small();
  std::signal(SIGPIPE, SIG_IGN);
  auto wakeups = Wakeups::create();
  if (!wakeups) return tl::unexpected(wakeups.error());
  const auto first_log = log_to_stderr();
  if (!first_log) return tl::unexpected(first_log.error());
  ServiceManager service_manager;
  Wakeups::Events missed;
  StartWait wait(*wakeups, service_manager, missed);
  const auto given_up = [&](const Error& error) -> Result<std::unique_ptr<Daemon>> {
    if (wait.ended()) return nullptr;
    return tl::unexpected(error);
  };

  auto loaded = wait.attempt(**first_log, [&] { return load(runner_cfg); });
  if (!loaded) return given_up(loaded.error());
  auto& configuration = *loaded->value;
  auto sink = wait.attempt(**first_log, [&] { return open_log(configuration.runner.logging); });
  if (!sink) return given_up(sink.error());
  for (const auto& problem : loaded->problems) (*sink)->warning(problem.text());
  auto shutdown_watchdog = wait.attempt(**sink, [&] { return ShutdownWatchdog::begin(**sink, nullptr); });
  if (!shutdown_watchdog) return given_up(shutdown_watchdog.error());

  const auto key = wait.attempt(**sink, [&] { return load_key(configuration, system_clock().now()); });
  if (!key) return given_up(key.error());
  for (const auto& warning : key->warnings()) (*sink)->warning(warning);
  const auto state = config::state_in(configuration.runner.directory);
  auto lock = wait.attempt(**sink, [&] { return store::TreeLock::acquire(state, system_clock().now()); });
  if (!lock) return given_up(lock.error());
  const auto location = store_location(configuration.runner);
  if (!location) return tl::unexpected(location.error());
  auto opened = wait.attempt(**sink, [&] {
    return store::RunStore::open(*location, "runner", system_clock().now(), configuration.runner.lease);
  });
  if (!opened) return given_up(opened.error());
  shutdown_watchdog->reset();
  tell_damage(**sink, *opened);

  std::unique_ptr<Daemon> daemon(
      new Daemon(std::make_unique<Impl>(runner_cfg, std::move(configuration), std::move(*wakeups), std::move(*sink),
                                        std::move(*lock), std::move(opened->store))));
  auto& impl = *daemon->impl_;
  impl.missed = missed;
  impl.store->launch_only_if([&lock = impl.lock] { return lock.check(); });
  impl.log.notice("mig-runner starts in " + impl.configuration.runner.directory.string() + ", signing with " +
                  key->fingerprint());
  const auto started = impl.start_stages(*key);
  if (!started) return tl::unexpected(started.error());
  return *started ? std::move(daemon) : nullptr;
}

// False where a signal asked for the end meanwhile.
Result<bool> Daemon::Impl::start_stages(const sign::Key& key) {
  StartWait wait(wakeups, service_manager, missed);
  const auto started = wait.attempt(log, [&]() -> Result<void> {
    auto done = shutdown_watchdog ? Result<void>() : start_watchdog();
    if (done && !engine) done = start_engine(key);
    if (done) done = start_planner();
    if (!done) planner.reset();
    return done;
  });
  if (!started && !wait.ended()) return tl::unexpected(started.error());
  return started.has_value();
}

Result<void> Daemon::Impl::start_watchdog() {
  auto begun = ShutdownWatchdog::begin(log, store.get());
  if (!begun) return tl::unexpected(begun.error());
  shutdown_watchdog = std::move(*begun);
  return {};
}

Result<void> Daemon::Impl::start_engine(const sign::Key& key) {
  // The stages before a reload may have ended while nothing could be written.
  if (auto released = store->release_all(); !released) return released;
  auto started = Engine::start(configuration, key, {jobs, *store, log, system_clock(), outages});
  if (!started) return tl::unexpected(started.error());
  engine = std::move(*started);
  return {};
}

// The jobs as they are now; needs the engine for its context.
Result<void> Daemon::Impl::start_planner() {
  const auto& runner = configuration.runner;
  planner = std::make_unique<stages::Planner>(engine->context(), stages::kAhead);
  if (auto loaded = planner->load(); !loaded) return loaded;
  if (auto followed = follow_pauses(); !followed) return followed;
  const auto before = jobs.all();
  for (const auto& job : before) jobs.remove(job->name);  // one may have gone just before a reload
  spool =
      std::make_unique<spool::Spool>(config::runners_in(runner.directory), runner.job_defaults, system_clock(), before);
  apply(spool->scan(), true);
  // A directory of jobs that is not there, such as a volume that comes up later, says nothing about them.
  const auto runners = config::runners_in(runner.directory);
  const auto there = file_status(runners, Symlinks::followed);
  planner->remove_unless_started([&](const std::string& name) {
    return there && *there && job_name_problem(name).empty() && is_gone(runners / name);
  });
  adoption.look_at_all(engine->context(), now());
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
  if (const auto* failure = planner->failure())
    return refuse("; the runner goes on with the one it has. The plan cannot be written: " + *failure +
                  ". Reload again when it can");
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

}  // namespace mig_runner::daemon

#include "daemon/engine.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <stop_token>
#include <string>
#include <string_view>

#include "stages/collector.h"
#include "stages/deliverer.h"
#include "stages/launcher.h"
#include "stages/leftovers.h"
#include "stages/reconciler.h"
#include "stages/retention.h"
#include "stages/run_flow.h"
#include "stages/stage_pool.h"

namespace mig_runner::daemon {
namespace {

using std::chrono::milliseconds;

constexpr int kLauncherThreads = 4;
// A hanging answer holds one of them until its timeout; the others go on.
constexpr int kCollectorThreads = 4;
constexpr int kReconcilerThreads = 2;
// Of runs that wait: more than all threads together take at once.
constexpr int kMostCounted = 100;

stages::StageSettings stage_settings(const Configuration& configuration) {
  stages::StageSettings settings;
  const auto& runner = configuration.runner;
  settings.directory = runner.directory;
  settings.job_defaults = runner.job_defaults;
  settings.macros = configuration.client.macros;
  settings.delay_results = runner.delayresults;
  settings.max_launches_per_minute = runner.maxlaunchesperminute;
  settings.page_size = static_cast<int>(runner.pagesize);
  settings.compress_results = runner.compressresults == config::Compression::zstd;
  settings.parallel_pages = static_cast<int>(runner.parallelfetches);
  return settings;
}

}  // namespace

struct Engine::Impl {
  Impl(const Configuration& configuration, World the_world, const std::vector<Timestamp>& posted)
      : world(the_world),
        settings(stage_settings(configuration)),
        context{settings, world.jobs, world.store, world.log, launches, world.outages},
        rate(settings.max_launches_per_minute, posted),
        tokens(configuration.client.useapikeyauth.empty()
                   ? std::make_unique<api::TokenSource>(world.clock)
                   : std::make_unique<api::TokenSource>(configuration.client.useapikeyauth)),
        reconciler_shares(kReconcilerThreads),
        collector_shares(kCollectorThreads),
        deliverer_shares(static_cast<int>(configuration.runner.maxplugins)),
        launchers(world.clock),
        reconcilers(world.clock),
        collectors(world.clock),
        deliverers(world.clock),
        retention(world.clock) {}

  Result<std::unique_ptr<api::ApiClient>> make_client(const Configuration& configuration, const sign::Key& key) {
    auto signer = key.make_signer();
    if (!signer) return tl::unexpected(signer.error());
    api::HttpOptions options;
    options.skip_verify_certificate = configuration.client.skipverifycert;
    return std::make_unique<api::ApiClient>(
        configuration.client.api_url, api::make_curl_http(options, interrupt.get_token()), std::move(*signer), *tokens);
  }

  template <class Stage>
  void add(stages::StagePool& pool, std::shared_ptr<Stage> stage) {
    pool.add([this, stage = std::move(stage)](Timestamp now) -> std::optional<Timestamp> {
      if (!begun) return std::nullopt;
      return stage->step(now);
    });
  }

  Result<void> add_launcher(const Configuration& configuration, const sign::Key& key) {
    auto client = make_client(configuration, key);
    if (!client) return tl::unexpected(client.error());
    auto signer = key.make_signer();
    if (!signer) return tl::unexpected(signer.error());
    add(launchers,
        std::make_shared<stages::Launcher>(context, std::move(*client), std::move(*signer), rate, world.clock));
    return {};
  }

  Result<void> add_reconciler(const Configuration& configuration, const sign::Key& key) {
    auto client = make_client(configuration, key);
    if (!client) return tl::unexpected(client.error());
    add(reconcilers,
        std::make_shared<stages::Reconciler>(context, std::move(*client), world.clock, &reconciler_shares));
    return {};
  }

  Result<void> add_collector(const Configuration& configuration, const sign::Key& key) {
    auto client = make_client(configuration, key);
    if (!client) return tl::unexpected(client.error());
    auto collector = std::make_shared<stages::Collector>(context, std::move(*client), world.clock, &collector_shares);
    add(collectors, collector);
    return {};
  }

  void add_deliverer() {
    auto deliverer =
        std::make_shared<stages::Deliverer>(context, world.clock, interrupt.get_token(), &deliverer_shares);
    add(deliverers, deliverer);
  }

  stages::StagePool* pool_of(store::RunState state) {
    switch (state) {
      case store::RunState::due:
        return &launchers;
      case store::RunState::signed_:
      case store::RunState::unknown:
        return &reconcilers;
      case store::RunState::posted:
        return &collectors;
      case store::RunState::stored:
        return &deliverers;
      default:
        return nullptr;
    }
  }

  // The names of the pools, in their order.
  static constexpr std::array<std::string_view, 5> kPoolNames{"launches", "looks for actions that may be launched",
                                                              "collects", "delivers", "removes old results"};
  std::array<stages::StagePool*, 5> pools() { return {&launchers, &reconcilers, &collectors, &deliverers, &retention}; }

  void wake(const store::Claimable& runs) {
    auto* const pool = pool_of(runs.state);
    if (pool != nullptr) pool->wake(runs.earliest - (pool == &launchers ? stages::kAhead : milliseconds(0)), runs.runs);
  }

  World world;
  const stages::StageSettings settings;
  stages::OwnLaunches launches;
  const stages::StageContext context;
  stages::LaunchRate rate;
  std::unique_ptr<api::TokenSource> tokens;
  std::atomic<bool> begun = false;
  stages::FaultLatch stuck;
  std::stop_source interrupt;  // cuts short requests and plugins
  stages::JobShares reconciler_shares, collector_shares, deliverer_shares;
  stages::StagePool launchers, reconcilers, collectors, deliverers, retention;
};

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Engine>> Engine::start(const Configuration& configuration, const sign::Key& key, World world) {
  const auto launches = world.store.posted_since(world.clock.now() - std::chrono::minutes(1));
  if (!launches) return tl::unexpected(launches.error());
  auto impl = std::make_unique<Impl>(configuration, world, *launches);
  auto* const raw = impl.get();
  world.store.on_change([raw](const store::Claimable& runs) { raw->wake(runs); });
  std::unique_ptr<Engine> engine(new Engine(std::move(impl)));
  stages::remove_leftovers(raw->context);
  for (int i = 0; i < kLauncherThreads; ++i)
    if (auto added = raw->add_launcher(configuration, key); !added) return tl::unexpected(added.error());
  for (int i = 0; i < kReconcilerThreads; ++i)
    if (auto added = raw->add_reconciler(configuration, key); !added) return tl::unexpected(added.error());
  for (int i = 0; i < kCollectorThreads; ++i)
    if (auto added = raw->add_collector(configuration, key); !added) return tl::unexpected(added.error());
  for (int i = 0; i < configuration.runner.maxplugins; ++i) raw->add_deliverer();
  auto retention = std::make_shared<stages::Retention>(raw->context);
  raw->add(raw->retention, retention);
  return engine;
}

Engine::~Engine() {
  const auto pools = impl_->pools();
  for (auto* pool : pools) pool->request_stop();
  const auto until = std::chrono::steady_clock::now() + kGrace;
  bool ended = true;
  for (auto* pool : pools) ended = pool->wait(until) && ended;
  if (!ended) impl_->interrupt.request_stop();
  for (auto* pool : pools) pool->wait(std::chrono::steady_clock::time_point::max());
  if (const auto released = impl_->world.store.release_all(); !released)
    impl_->world.log.error("Claimed runs cannot be given back: " + released.error().text());
  impl_->world.store.on_change(nullptr);
}

const stages::StageContext& Engine::context() const {
  return impl_->context;
}

void Engine::begin() {
  impl_->begun = true;
  wake_all();
}

Result<void> Engine::look_for_work() {
  using store::RunState;
  static constexpr std::array kStates{RunState::due, RunState::signed_, RunState::unknown, RunState::posted,
                                      RunState::stored};
  const auto found = impl_->world.store.claimable(kStates, kMostCounted);
  if (!found) return tl::unexpected(found.error());
  for (const auto& runs : *found) impl_->wake(runs);
  return {};
}

bool Engine::works(std::chrono::steady_clock::time_point now) {
  const auto pools = impl_->pools();
  const auto stuck =
      std::find_if_not(pools.begin(), pools.end(), [&](stages::StagePool* pool) { return pool->works(now); });
  if (stuck == pools.end()) {
    if (impl_->stuck.ends()) impl_->world.log.notice("All threads go on; the watchdog is told so again.");
    return true;
  }
  if (impl_->stuck.begins())
    impl_->world.log.error("A thread that " + std::string(Impl::kPoolNames.at(stuck - pools.begin())) +
                           " has made no progress for " + std::to_string(stages::StagePool::kStuck.count()) +
                           " minutes; the watchdog is no longer told that this runner works");
  return false;
}

void Engine::wake_all() {
  for (auto* pool : impl_->pools()) pool->wake();
}

}  // namespace mig_runner::daemon

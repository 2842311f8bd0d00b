#include "sandbox/server/server.h"

#include <condition_variable>
#include <cstdio>
#include <latch>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "sandbox/api/api.h"
#include "sandbox/faults/control.h"
#include "sandbox/faults/faults.h"
#include "sandbox/faults/spoil.h"
#include "sandbox/http/http_server.h"
#include "sandbox/scheduler/local_worker.h"
#include "sandbox/scheduler/scheduler.h"

namespace mig_sandbox {
namespace {

using mig_runner::Clock;
using mig_runner::fail;

// Numbers begin here: about as high as the real server's, and higher at each start.
std::int64_t first_id(Timestamp now) {
  return std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count() << 14U;
}

// A fact of the state file, or `value` from now on where it has none.
std::string keep_fact(Store& store, const std::string& name, const std::string& value) {
  if (auto kept = store.fact(name)) return *kept;
  store.set_fact(name, value);
  return value;
}

Delivery delivery_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::reset_inside:
      return Delivery::half;
    case FaultKind::reset_after:
      return Delivery::farewell;
    case FaultKind::answer_lost:
      return Delivery::none;
    default:
      return Delivery::whole;
  }
}

}  // namespace

struct Server::Impl {
  ServerOptions options;
  const Clock& clock;
  Store store;
  Micros created;
  std::int64_t fleet_id;
  AgentTable agents;
  Fleet fleet;
  Investigators investigators;
  Authentication authentication;
  Ids ids;
  Faults faults;
  World world;
  LocalWorker worker;
  Scheduler scheduler;
  Control control;
  Api api;

  std::mutex mutex;  // guards woken; pauses of requests wait here too
  std::condition_variable_any changed;
  bool woken = false;
  std::stop_source stop;
  std::latch ready{1};  // requests wait until the server knows its own address
  std::unique_ptr<HttpServer> http;
  std::jthread scheduler_thread;
  std::jthread worker_thread;

  Impl(ServerOptions given, const Clock& the_clock)
      : options(std::move(given)),
        clock(the_clock),
        store(options.state),
        created(std::stoll(keep_fact(store, "created", std::to_string(to_micros(clock.now()))))),
        fleet_id(std::stoll(keep_fact(store, "fleet", std::to_string(first_id(clock.now()))))),
        fleet(options.fleet, fleet_id, created),
        investigators(created),
        authentication(investigators, options.api_keys, options.token_duration, options.limited_api_keys),
        ids(std::max({first_id(clock.now()), store.highest_id() + 1, local_agent_id() + 1})),
        faults(options.fleet.seed),
        world{clock, store, agents, fleet, ids},
        worker(world, options.local_agent.run),
        scheduler(
            world, options.local_agent.run ? local_agent_id() : 0,
            [this](LocalJob job) { worker.push(std::move(job)); }, options.scheduler_delay),
        control(store, faults),
        api(world, investigators, authentication, [this] { wake(); }) {}

  ~Impl() {
    stop.request_stop();
    worker_thread.request_stop();
    scheduler_thread.request_stop();
    changed.notify_all();
    http.reset();
  }

  // After the ids of the fleet.
  std::int64_t local_agent_id() const { return fleet_id + options.fleet.agents; }

  void wake() {
    const std::lock_guard lock(mutex);
    woken = true;
    changed.notify_all();
  }

  Result<void> check_state();
  Result<void> add_investigators();
  void fill_agents();
  void run_scheduler(const std::stop_token& stopped);
  bool pause(std::chrono::milliseconds time);
  Reply reply(const Request& request);
  void start_threads();
};

// The fleet is made anew at each start, from the same numbers: a state file belongs to one fleet.
Result<void> Server::Impl::check_state() {
  const std::string wanted =
      std::to_string(options.fleet.agents) + " agents with seed " + std::to_string(options.fleet.seed);
  const std::string kept = keep_fact(store, "fleet size", wanted);
  if (kept == wanted) return {};
  return fail("it belongs to a fleet of " + kept + ", not of " + wanted, options.state.string());
}

Result<void> Server::Impl::add_investigators() {
  for (const auto& one : options.investigators) {
    if (auto added = investigators.add(one.public_key, one.name); !added) return added;
  }
  return {};
}

void Server::Impl::fill_agents() {
  agents.in_bulk([&] {
    for (int i = 0; i < fleet.size(); ++i) agents.insert(fleet.agent(i));
  });
  if (!options.local_agent.run) return;
  Agent agent;
  agent.id = local_agent_id();
  agent.name = options.local_agent.name;
  agent.queueloc = "linux.sandbox";
  agent.version = "sandbox";
  agent.pid = 1;
  agent.start_time = agent.heartbeat_time = agent.refresh_time = created;
  agent.environment = options.local_agent.environment;
  agent.tags = options.local_agent.tags;
  agents.insert(agent);
}

void Server::Impl::run_scheduler(const std::stop_token& stopped) {
  while (!stopped.stop_requested()) {
    auto next = clock.now() + std::chrono::seconds(1);
    try {
      next = scheduler.step(clock.now());
    } catch (const SqliteError& e) {
      std::fprintf(stderr, "mig-sandbox: the scheduler goes on in 1 s: %s\n", e.what());
    }
    std::unique_lock lock(mutex);
    // A clock that is not the system's, or that jumps, is looked at once a second.
    const auto most = std::min<std::chrono::milliseconds>(next - clock.now(), std::chrono::seconds(1));
    changed.wait_for(lock, stopped, most, [&] { return woken; });
    woken = false;
  }
}

// False when the server ends before the time is over.
bool Server::Impl::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex);
  changed.wait_for(lock, stop.get_token(), time, [] { return false; });
  return !stop.stop_requested();
}

Reply Server::Impl::reply(const Request& request) {
  if (Control::wants(request)) return {control.answer(request)};
  const auto mishap = faults.choose(request.method + " " + request.uri());
  if (mishap.delay.count() > 0 && !pause(mishap.delay)) return {{}, Delivery::none};
  if (mishap.is(FaultKind::hang)) return {{}, Delivery::never};
  if (mishap.is(FaultKind::reset_before)) return {{}, Delivery::none};
  if (mishap.is(FaultKind::html)) return {proxy_page(*mishap.fault)};
  if (mishap.is(FaultKind::internal_error))
    return {api.refuse(request, 500, "pq: the database system is shutting down")};
  if (mishap.is(FaultKind::unauthorized))
    return {api.refuse(request, 401,
                       "Authorization verification failed with error 'verifySignedToken() -> sandbox fault'")};
  Reply reply;
  reply.answer = api.answer(request, {mishap.shuffle, mishap.fault});
  if (mishap.exponent_ids) reply.answer.body = with_exponent_ids(reply.answer.body);
  if (!mishap.fault) return reply;
  if (mishap.is(FaultKind::html_after)) reply.answer = proxy_page(*mishap.fault);
  spoil(reply.answer, mishap.fault->kind);
  reply.delivery = delivery_of(mishap.fault->kind);
  return reply;
}

void Server::Impl::start_threads() {
  scheduler.resume();
  if (!options.automatic) return;
  scheduler_thread = std::jthread([this](const std::stop_token& stopped) { run_scheduler(stopped); });
  worker_thread = std::jthread([this](const std::stop_token& stopped) {
    while (!stopped.stop_requested()) {
      if (!worker.run_next(stopped)) worker.wait(stopped);
    }
  });
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, const Clock& clock) {
  const std::string state = options.state.string();
  try {
    auto server = std::unique_ptr<Server>(new Server(std::make_unique<Impl>(std::move(options), clock)));
    Impl& impl = *server->impl_;
    if (auto fits = impl.check_state(); !fits) return tl::unexpected(fits.error());
    if (auto added = impl.add_investigators(); !added) return tl::unexpected(added.error());
    for (const auto& fault : impl.options.faults) {
      if (auto added = server->add_fault(fault); !added) return tl::unexpected(added.error());
    }
    impl.fill_agents();
    impl.store.set_agent_functions([&impl](std::int64_t id) { return impl.agents.name_of(id); },
                                   [&impl](std::int64_t id) { return impl.agents.version_of(id); });
    auto http = HttpServer::start({impl.options.address, impl.options.port, impl.options.certificate, impl.options.key},
                                  [&impl](const Request& request) {
                                    impl.ready.wait();
                                    return impl.reply(request);
                                  });
    if (!http) return tl::unexpected(http.error());
    impl.http = *std::move(http);
    const std::string url = server->url();
    impl.api.set_address(url.substr(0, url.size() - std::string_view(Api::kRoot).size()));
    impl.ready.count_down();
    impl.start_threads();
    return server;
  } catch (const SqliteError& e) {
    return fail(std::string("the state cannot be used: ") + e.what(), state);
  }
}

std::uint16_t Server::port() const {
  return impl_->http->port();
}

std::string Server::url() const {
  const auto& address = impl_->options.address;
  const std::string host = address.find(':') == std::string::npos ? address : "[" + address + "]";
  return (impl_->options.certificate.empty() ? "http://" : "https://") + host + ":" + std::to_string(port()) +
         Api::kRoot;
}

void Server::step() {
  impl_->scheduler.step(impl_->clock.now());
  while (impl_->worker.run_next({})) {
  }
}

Result<void> Server::add_fault(const std::string& text) {
  const auto fault = Fault::parse(text);
  if (!fault) return tl::unexpected(fault.error());
  impl_->faults.add(*fault);
  return {};
}

}  // namespace mig_sandbox

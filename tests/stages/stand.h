#pragma once

#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "api/api_client.h"
#include "api/token_source.h"
#include "stages/collector.h"
#include "stages/deliverer.h"
#include "stages/fake_api.h"
#include "stages/launcher.h"
#include "stages/planner.h"
#include "stages/reconciler.h"
#include "stages/run_flow.h"
#include "stages/stage_context.h"
#include "support/manual_clock.h"
#include "support/scratch_directory.h"

namespace mig_runner::test {

class RecordingLog final : public log::Log {
 public:
  bool enabled(log::Level) const override { return true; }
  void write(log::Level level, std::string_view message) override {
    lines.push_back(std::string(log::level_name(level)) + " " + std::string(message));
    if (after_line) after_line();
  }
  void reopen() override {}
  // How many lines hold `text`.
  int count(std::string_view text) const {
    int found = 0;
    for (const auto& line : lines) found += line.find(text) == std::string::npos ? 0 : 1;
    return found;
  }
  std::string all() const {
    std::string text;
    for (const auto& line : lines) text += line + '\n';
    return text;
  }
  std::vector<std::string> lines;
  std::function<void()> after_line;  // may throw, as a crash there
};

// Signs with a counter: each signature is different, as with a real key and a moving clock.
class CountingSigner final : public sign::Signer {
 public:
  Result<std::string> sign(std::string_view) override { return "signature-" + std::to_string(++*count_); }
  explicit CountingSigner(std::shared_ptr<int> count) : count_(std::move(count)) {}

 private:
  std::shared_ptr<int> count_;
};

inline Timestamp at(std::string_view text) {
  return parse_rfc3339(text).value();
}

// All stages over a real store in a scratch directory, a fake API and a clock that the test moves.
class Stand {
 public:
  // `database`: a PostgreSQL store instead, shared by a group.
  explicit Stand(std::string_view start = "2026-11-23T08:00:30Z", const std::string& database = "",
                 std::chrono::milliseconds the_lease = std::chrono::seconds(30))
      : clock(at(start)),
        location(store::Location::parse(database, directory.path() / "state" / "runs.db").value()),
        lease(the_lease) {
    std::signal(SIGPIPE, SIG_IGN);  // as the daemon does
    open();
  }

  // As a process that starts on the same tree: what was claimed and kept in memory is gone.
  void restart() {
    stages.reset();
    store.reset();
    open();
  }

  spool::JobPtr make_job(const std::string& name, const std::string& schedule, config::JobConfig config = {},
                         const std::string& zone = "UTC") {
    config.schedule = schedule;
    return std::make_shared<spool::Job>(
        spool::Job{name,
                   config,
                   cron::Schedule::parse(schedule).value(),
                   cron::Zone::find(zone).value(),
                   R"({"target":"status='online'","operations":[{"module":"pkg","parameters":{}}]})",
                   {}});
  }
  // As found at start (`put`: as it appears while running).
  void start(const spool::JobPtr& job) {
    put_into_book(job);
    stages->planner.start(job, clock.now());
    stages->planner.step(clock.now());
  }
  void put(const spool::JobPtr& job) {
    if (const auto withdrawn = stages->planner.put(job, clock.now())) jobs.withdraw(job->name, *withdrawn);
    put_into_book(job);
    stages->planner.step(clock.now());
  }

  // Lets every stage work until nothing more is due at this time.
  void settle() {
    stages->planner.step(clock.now());
    for (bool busy = true; busy;) {
      busy = false;
      for (const auto step : {&Stages::launch, &Stages::reconcile, &Stages::collect, &Stages::deliver}) {
        const auto wake = (stages.get()->*step)(clock.now());
        busy = busy || (wake && *wake <= clock.now());
      }
    }
  }
  void advance(std::chrono::milliseconds by) {
    clock.advance(by);
    settle();
  }
  // Moves on in steps, as time does.
  void pass(std::chrono::milliseconds all, std::chrono::milliseconds step = std::chrono::seconds(1)) {
    for (auto done = std::chrono::milliseconds(0); done < all; done += step) advance(step);
  }

  std::vector<store::Run> history(const std::string& job = "") { return store->history(job, 1000).value(); }
  int count(store::RunState state) {
    int found = 0;
    for (const auto& run : history()) found += run.state == state ? 1 : 0;
    return found;
  }
  void plugin(const std::string& name, const std::string& script) {
    const auto path = directory.path() / "plugins" / name;
    write_text(path, "#!/bin/sh\n" + script + "\n");
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }

  struct Stages {
    Stages(Stand& stand)
        : context{stand.settings, stand.jobs, *stand.store, stand.log, launches, outages},
          planner(context, stages::kAhead),
          rate(stand.settings.max_launches_per_minute, {}),
          launcher(context, stand.client(), std::make_unique<CountingSigner>(stand.signatures), rate, stand.clock),
          reconciler(context, stand.client(), stand.clock),
          collector(context, stand.client(), stand.clock),
          deliverer(context, stand.clock, {}) {}
    std::optional<Timestamp> launch(Timestamp now) { return launcher.step(now); }
    std::optional<Timestamp> reconcile(Timestamp now) { return reconciler.step(now); }
    std::optional<Timestamp> collect(Timestamp now) { return collector.step(now); }
    std::optional<Timestamp> deliver(Timestamp now) { return deliverer.step(now); }

    stages::OwnLaunches launches;
    stages::Outages outages;
    const stages::StageContext context;
    stages::Planner planner;
    stages::LaunchRate rate;
    stages::Launcher launcher;
    stages::Reconciler reconciler;
    stages::Collector collector;
    stages::Deliverer deliverer;
  };

  std::unique_ptr<api::ApiClient> client() {
    return std::make_unique<api::ApiClient>("http://fake/", api.http(), std::make_unique<CountingSigner>(signatures),
                                            tokens);
  }

  ScratchDirectory directory;
  ManualClock clock;
  const store::Location location;
  const std::chrono::milliseconds lease;
  RecordingLog log;
  FakeApi api;
  std::shared_ptr<int> signatures = std::make_shared<int>(0);
  api::TokenSource tokens{"key"};
  stages::StageSettings settings;
  stages::JobRegistry jobs;
  std::unique_ptr<store::RunStore> store;
  std::unique_ptr<Stages> stages;

 private:
  void put_into_book(const spool::JobPtr& job) {
    jobs.put(job);
    std::map<std::string, std::string> hashes;
    for (const auto& known : jobs.all()) hashes.emplace(known->name, "hash");
    if (store->group() != nullptr && !store->group()->set_jobs(hashes))
      throw std::runtime_error("the jobs cannot be told");
  }
  void open() {
    settings.directory = directory.path();
    store = std::move(store::RunStore::open(location, "test", clock.now(), lease)->store);
    stages = std::make_unique<Stages>(*this);
    if (!stages->planner.load()) throw std::runtime_error("the cursors cannot be read");
  }
};

}  // namespace mig_runner::test

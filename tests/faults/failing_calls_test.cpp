// One system call of the real runner fails, each in turn, while two jobs are launched once each: no job is removed, no
// run is lost or launched twice, and each failure is told once. `make soak` takes every call and several errors; a
// plain run takes some of them. MIG_FAIL_EACH=N takes each N-th call.

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>

#include "e2e/world.h"
#include "store/run_store.h"

namespace mig_runner::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
namespace fs = std::filesystem;

struct Failure {
  std::string kind;  // as failing_calls.cpp names it
  long number = 0;   // 0: none fails
  int error = 0;
};

struct Kind {
  std::string name;
  std::vector<int> errors;
};
const std::vector<Kind> kKinds{{"open", {EMFILE, EACCES, EIO}},
                               {"stat", {ESTALE, EACCES}},
                               {"read", {EIO}},
                               {"write", {ENOSPC, EIO}},
                               {"fsync", {EIO}},
                               {"rename", {EACCES}},
                               {"unlink", {EACCES}}};

// Late enough for a start that has to wait for a failure to pass: a job is planned from its first start on. At the
// start of a second from which some more belong to the same minute.
std::chrono::sys_seconds soon() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + 7s;
  const auto minute = std::chrono::floor<std::chrono::minutes>(now);
  return now - minute < 58s ? now : minute + 60s;
}

// The only time of the schedule.
std::string schedule_at(std::chrono::sys_seconds time) {
  const auto seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::ostringstream text;
  text << parts.tm_sec << ' ' << parts.tm_min << ' ' << parts.tm_hour << ' ' << parts.tm_mday << ' ' << parts.tm_mon + 1
       << " * " << parts.tm_year + 1900;
  return text.str();
}

// A runner of its own with one failure.
class Trial {
 public:
  Trial(const World& api, int number, const Failure& failure) : failure_(failure) {
    world_.port = api.port;
    world_.plugin("save", "echo $MIG_RUNNER_NOMINAL_TIME >> delivered-$MIG_RUNNER_JOB");
    const auto first = soon();
    for (int i = 0; i < 2; ++i) {
      jobs_.push_back("trial-" + std::to_string(number) + "-" + std::to_string(i));
      world_.job(jobs_.back(),
                 "schedule = \"" + schedule_at(first + std::chrono::seconds(i)) + "\"\nexpiry = 1s\nplugin = save\n");
    }
    write_text(world_.path("report"), "");
    world_.start_runner(
        {{"LD_PRELOAD", MIG_BINARY_DIR "/tests/libfailing_calls.so"},
         {"MIG_FAIL", failure.kind + " " + std::to_string(failure.number) + " " + std::to_string(failure.error)},
         {"MIG_FAIL_BELOW", world_.path("tree")},
         {"MIG_FAIL_REPORT", world_.path("report")}});
  }

  // As a service manager does: the runner is started again, unless it asks not to be.
  void keep_running() {
    if (world_.runner->running() || given_up_) return;
    const auto status = world_.runner->wait();
    logs_ += world_.log();
    given_up_ = status == 9;
    EXPECT_FALSE(given_up_) << "exit 9: " << about() << logs_;
    if (!given_up_) world_.start_runner();
  }

  bool done() {
    if (given_up_) return true;
    const auto store = store::RunStore::open_beside(world_.path("tree/state/runs.db"), "test");
    if (!store) return false;
    for (const auto& job : jobs_) {
      const auto runs = (*store)->history(job, 10);
      if (!runs || runs->size() != 1 || runs->front().state != store::RunState::delivered) return false;
    }
    return true;
  }

  void stop() { world_.runner->signal(SIGTERM); }

  void check(const std::map<std::string, int>& posts) {
    if (given_up_) return;
    EXPECT_EQ(world_.runner->wait(), 0) << about();
    logs_ += world_.log();
    for (const auto& job : jobs_) {
      const auto found = posts.find("mig-runner: " + job);
      EXPECT_EQ(found == posts.end() ? 0 : found->second, 1) << job << " was not launched once: " << about() << logs_;
      EXPECT_TRUE(fs::exists(world_.path("tree/delivered-" + job))) << job << ": " << about() << logs_;
    }
    EXPECT_LE(complaints(), 1) << "told more than once: " << about() << logs_;
    if (failed() && complaints() == 0) check_no_delay();
    for (const auto* wrong : {"job removed", "job is broken", "missed", "damaged", "terminate called"})
      EXPECT_EQ(logs_.find(wrong), std::string::npos) << wrong << ": " << about() << logs_;
  }

  std::string about() const {
    return failure_.kind + " " + std::to_string(failure_.number) + " with " + std::strerror(failure_.error) + " (" +
           failed_at() + ")\n";
  }
  bool failed() const { return !failed_at().empty(); }
  // Where the call concerned the tree; empty: no call failed.
  std::string failed_at() const {
    std::istringstream report(world_.file("report"));
    for (std::string line; std::getline(report, line);)
      if (line.starts_with("failed ")) return line.substr(7);
    return {};
  }
  // How many lines are warnings, errors, or what a runner says that cannot start.
  int complaints() const {
    std::istringstream lines(logs_);
    int found = 0;
    for (std::string line; std::getline(lines, line);)
      if (line.find(" err ") != std::string::npos || line.find(" warning ") != std::string::npos ||
          line.starts_with("mig-runner: "))
        ++found;
    return found;
  }
  const std::string& logs() const { return logs_; }
  // How often each kind was called.
  std::map<std::string, long> counts() const {
    std::map<std::string, long> counts;
    std::istringstream report(world_.file("report"));
    std::string kind;
    for (long count = 0; report >> kind >> count;) counts[kind] = count;
    return counts;
  }

 private:
  // A failure of which nothing is told must have had no consequence.
  void check_no_delay() const {
    const auto store = store::RunStore::open_beside(world_.path("tree/state/runs.db"), "test").value();
    for (const auto& job : jobs_) {
      const auto run = store->history(job, 1).value().at(0);
      ASSERT_TRUE(run.delivered_at) << run.name();
      EXPECT_LT(*run.delivered_at - run.nominal, 1s + kTimely) << "late, and nothing is told: " << about() << logs_;
    }
  }

  // Shorter than the first pause of a delivery.
  static constexpr auto kTimely = 3500ms;

  Failure failure_;
  World world_;
  std::vector<std::string> jobs_;
  std::string logs_;
  bool given_up_ = false;
};

std::map<std::string, int> posts_by_name(const World& api) {
  std::map<std::string, int> counts;
  for (const auto& post : api.posts()) ++counts[post.at("name").get<std::string>()];
  return counts;
}

// As many at a time as the machine can start without getting slow: most of a trial is waiting.
constexpr std::size_t kAtOnce = 16;

class FailingCalls : public testing::Test {
 protected:
  void SetUp() override {
#ifdef MIG_SANITIZED
    GTEST_SKIP() << "a sanitizer has its own place before the C library";
#endif
    api_.start_sandbox(
        {"--no-local-agent", "--agents", "3", "--away", "0", "--late", "0", "--failed", "0", "--silent", "0"});
  }

  void run(std::vector<std::unique_ptr<Trial>>& trials) {
    const auto end = steady_clock::now() + 60s;
    std::vector<bool> done(trials.size());
    while (steady_clock::now() < end && std::find(done.begin(), done.end(), false) != done.end()) {
      for (std::size_t i = 0; i < trials.size(); ++i) {
        if (done[i]) continue;
        trials[i]->keep_running();
        done[i] = trials[i]->done();
      }
      std::this_thread::sleep_for(50ms);
    }
    const auto posts = posts_by_name(api_);
    for (std::size_t i = 0; i < trials.size(); ++i) EXPECT_TRUE(done[i]) << "not delivered: " << trials[i]->about();
    for (const auto& trial : trials) trial->stop();
    for (const auto& trial : trials) trial->check(posts);
  }

  World api_;
  int number_ = 0;
};

TEST_F(FailingCalls, NoneLosesOrRepeatsARun) {
  std::vector<std::unique_ptr<Trial>> trials;
  trials.push_back(std::make_unique<Trial>(api_, ++number_, Failure{"open", 0, 0}));
  run(trials);
  const auto counts = trials.front()->counts();
  EXPECT_EQ(trials.front()->complaints(), 0) << trials.front()->logs();

  const char* each = std::getenv("MIG_FAIL_EACH");
  const long step = each != nullptr ? std::stol(each) : 97;
  const char* only = std::getenv("MIG_FAIL_KIND");
  std::vector<Failure> failures;
  for (const auto& kind : kKinds) {
    if (only != nullptr && kind.name != only) continue;
    ASSERT_GT(counts.at(kind.name), 0) << kind.name;
    for (const int error : kind.errors)
      for (long number = 1; number <= counts.at(kind.name); number += step)
        failures.push_back({kind.name, number, error});
  }
  for (const auto& [name, count] : counts) std::cout << count << " " << name << ", ";
  std::cout << failures.size() << " trials\n";

  for (std::size_t begin = 0; begin < failures.size(); begin += kAtOnce) {
    trials.clear();
    for (std::size_t i = begin; i < std::min(begin + kAtOnce, failures.size()); ++i)
      trials.push_back(std::make_unique<Trial>(api_, ++number_, failures[i]));
    run(trials);
    for (const auto& trial : trials)
      if (trial->failed()) std::cout << trial->complaints() << " told: " << trial->about();
  }
}

}  // namespace
}  // namespace mig_runner::test

#include "sandbox/demo/demo.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <memory>
#include <thread>

#include "sandbox/demo/child.h"
#include "sandbox/demo/demo_jobs.h"
#include "sandbox/demo/demo_report.h"
#include "sandbox/demo/demo_tree.h"

namespace mig_sandbox {

using mig_runner::fail;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr int kSimulatedAgents = 50;
constexpr auto kWholeTime = 50s;  // with the end of the programs it stays under a minute

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

// Ctrl-C ends the demo as an error does: both programs are ended.
void notice_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

fs::path own_program() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error);
}

Result<fs::path> find_runner(const fs::path& named) {
  const fs::path here = own_program().parent_path();
  const std::vector<fs::path> candidates =
      named.empty() ? std::vector<fs::path>{here / "mig-runner", here / "../src/cli/mig-runner"}
                    : std::vector<fs::path>{named};
  for (const fs::path& candidate : candidates) {
    if (access(candidate.c_str(), X_OK) == 0 && fs::is_regular_file(candidate))
      return fs::absolute(candidate).lexically_normal();
  }
  return fail("is no program that can be run; name mig-runner with --runner PATH", candidates.front().string());
}

class Demo {
 public:
  Demo(DemoTree tree, fs::path runner_program)
      : tree_(std::move(tree)), runner_program_(std::move(runner_program)), runner_tail_(tree_.root() / "runner.log") {}

  Result<void> run() {
    say(fmt::format("A fresh tree: {}", tree_.root().string()));
    auto done = prepare();
    if (done) done = start_runner();
    if (done) done = add_jobs();
    if (done) done = watch();
    auto ended = end_programs();
    if (done) done = ended;
    return report(done);
  }

 private:
  using Clock = std::chrono::steady_clock;

  void say(std::string_view text) const {
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    std::cout << fmt::format("[{:4.1f}s] {}", seconds, text) << std::endl;
  }

  bool time_is_up() const { return Clock::now() - start_ > kWholeTime; }

  // Waits, showing the runner's lines meanwhile.
  template <class Condition>
  Result<void> wait_for(std::string_view what, Condition&& condition) {
    while (!condition()) {
      show_log();
      if (interrupted) return fail("interrupted");
      if (time_is_up()) return fail(fmt::format("no {} after {} s", what, kWholeTime.count()));
      if (!sandbox_->running()) return ended_by_itself("mig-sandbox serve", "sandbox.log");
      if (runner_ && !runner_->running()) return ended_by_itself("mig-runner", "runner.log");
      std::this_thread::sleep_for(50ms);
    }
    show_log();
    return {};
  }

  tl::unexpected<mig_runner::Error> ended_by_itself(std::string_view program, const char* log) const {
    std::string last = "nothing";
    for (std::string& line : LogTail(tree_.root() / log).new_lines()) last = shortened(line);
    return fail(fmt::format("{} ended by itself, its last words: {}", program, last), (tree_.root() / log).string());
  }

  void show_log() {
    for (std::string& line : runner_tail_.new_lines()) {
      say("  " + shortened(line));
      log_.push_back(std::move(line));
    }
  }

  bool log_has(std::string_view text) const {
    return std::any_of(log_.begin(), log_.end(),
                       [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }

  Result<void> prepare() {
    if (auto made = tree_.make_key(); !made) return made;
    say("Made an investigator's RSA key, locked with a passphrase");
    if (auto started = start_sandbox(); !started) return started;
    say(fmt::format(
        "mig-sandbox serves the MIG API on 127.0.0.1:{} with {} simulated agents and this machine as a real one", port_,
        kSimulatedAgents));
    if (auto written = tree_.write_configuration(port_); !written) return written;
    return tree_.write_plugin();
  }

  Result<void> start_sandbox() {
    const fs::path port_file = tree_.root() / "port";
    sandbox_ = std::make_unique<Child>(
        std::vector<std::string>{own_program().string(), "serve", "--listen", "127.0.0.1:0", "--port-file",
                                 port_file.string(), "--public-key", tree_.public_key().string(), "--agents",
                                 std::to_string(kSimulatedAgents)},
        tree_.root() / "sandbox.log");
    return wait_for("port of the sandbox", [&] {
      std::ifstream(port_file) >> port_;
      return port_ != 0;
    });
  }

  Result<void> start_runner() {
    runner_ = std::make_unique<Child>(
        std::vector<std::string>{runner_program_.string(), "-c", tree_.runner_configuration().string()},
        tree_.root() / "runner.log");
    say("mig-runner -c " + tree_.runner_configuration().string());
    return wait_for("runner that follows its jobs", [&] { return log_has("Following "); });
  }

  Result<void> add_jobs() {
    const auto places = tree_.plant_decoy(port_);
    if (!places) return tl::unexpected(places.error());
    decoy_ = (places->decoy_directory / "updater.bin").string();
    const auto soon = std::chrono::ceil<std::chrono::seconds>(std::chrono::system_clock::now()) + 3s;
    jobs_ = demo_jobs(soon, *places);
    say(fmt::format("Putting {} jobs into {}:", jobs_.size(), (tree_.runner_directory() / "runners").string()));
    for (const DemoJob& job : jobs_) {
      say(fmt::format("  {:<17} {}", job.name, job.what));
      if (auto added = tree_.add_job(job); !added) return added;
    }
    return {};
  }

  std::vector<DemoOutcome> outcomes() const {
    std::vector<DemoOutcome> list;
    for (const DemoJob& job : jobs_) list.push_back(outcome_of(job, tree_.runner_directory(), log_));
    return list;
  }

  Result<void> watch() {
    return wait_for("end of all jobs", [&] {
      const auto list = outcomes();
      return std::all_of(list.begin(), list.end(), [](const DemoOutcome& outcome) { return outcome.finished(); });
    });
  }

  Result<void> end_programs() {
    Result<void> result;
    if (runner_) {
      const auto status = runner_->terminate(5s);
      show_log();
      if (status != 0)
        result = fail(fmt::format("mig-runner did not end well on SIGTERM (status {})", status.value_or(-1)));
      runner_.reset();
    }
    sandbox_.reset();
    tree_.stop_gpg_agent();
    return result;
  }

  Result<void> report(Result<void> done) const {
    std::cout << '\n';
    const auto list = outcomes();
    if (!list.empty()) {
      for (const std::string& line : outcome_table(list)) std::cout << line << '\n';
      std::cout << '\n';
    }
    for (const std::string& complaint : complaints(list, tree_.runner_directory(), decoy_)) {
      std::cout << "Wrong: " << complaint << '\n';
      if (done) done = fail("not every job did what it should");
    }
    std::cout << "The tree stays in " << tree_.root().string()
              << "; results are in runner/runners/*/results/, findings in runner/findings/\n";
    return done;
  }

  Clock::time_point start_ = Clock::now();
  DemoTree tree_;
  fs::path runner_program_;
  int port_ = 0;
  std::string decoy_;
  std::vector<DemoJob> jobs_;
  std::vector<std::string> log_;
  LogTail runner_tail_;
  std::unique_ptr<Child> sandbox_, runner_;
};

Result<void> run(const DemoOptions& options) {
  auto runner = find_runner(options.runner);
  if (!runner) return tl::unexpected(runner.error());
  auto tree = DemoTree::create(options.directory);
  if (!tree) return tl::unexpected(tree.error());
  return Demo(*std::move(tree), *std::move(runner)).run();
}

}  // namespace

int run_demo(const DemoOptions& options) {
  notice_interrupts();
  const auto done = run(options);
  if (done) return 0;
  std::cerr << "mig-sandbox demo: " << done.error().text() << '\n';
  return 1;
}

}  // namespace mig_sandbox

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "bench/http.h"
#include "bench/rows.h"

// Many jobs that are due at the same second.

namespace mig_bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Launches {
  double cpu_ms = 0;   // of the runner, from before the nominal time until all were accepted
  double wall_ms = 0;  // from the nominal time to the last acceptance
};

// When the sandbox took the last of `count` posts that it accepted.
mig_runner::Timestamp last_acceptance(const Sandbox& sandbox, std::size_t count) {
  const auto posts = sandbox.get("/sandbox/posts");
  if (posts.size() != count) give_up(fmt::format("{} launches where {} were due", posts.size(), count));
  mig_runner::Timestamp last{};
  for (const auto& post : posts)
    last = std::max(last, mig_runner::parse_rfc3339(post.at("received").get<std::string>()).value());
  return last;
}

Launches runner_launches(int count) {
  const Sandbox sandbox;
  Tree tree(sandbox.port(), "maxlaunchesperminute = 1000000");
  const auto nominal = std::chrono::ceil<seconds>(now() + milliseconds(3000 + 3 * count));
  for (int i = 0; i < count; ++i)
    tree.job(fmt::format("job{:04}", i), "schedule = " + once_at(nominal) + "\n", small_action());
  tree.start();
  LogWatch launched(tree.log(), ": launched as action ");
  // What the runner does ahead of the time counts.
  const auto before = nominal - milliseconds(1500);
  if (now() > before) give_up("the jobs were not read in time");
  std::this_thread::sleep_for(before - now());
  const double cpu = tree.runner().cpu_milliseconds();
  wait_until("the launches", [&] { return launched.count() >= count; });
  std::this_thread::sleep_for(milliseconds(200));
  Launches launches;
  launches.cpu_ms = tree.runner().cpu_milliseconds() - cpu;
  launches.wall_ms = static_cast<double>((last_acceptance(sandbox, static_cast<std::size_t>(count)) - nominal).count());
  return launches;
}

// As many loops as there are cores, each posting prepared bodies one after the other.
double bare_posts(int count) {
  const Sandbox sandbox;
  const auto signer = make_signer();
  std::vector<std::string> bodies;
  Browser escaper;
  for (int i = 0; i < count; ++i)
    bodies.push_back(escaper.form(
        signed_action(small_action(), fmt::format("job{:04}", i), now(), std::chrono::minutes(5), *signer)));
  const auto cores = std::max(1U, std::thread::hardware_concurrency());
  const auto begin = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> loops;
    for (unsigned core = 0; core < cores; ++core)
      loops.emplace_back([&, core] {
        Browser browser;
        for (std::size_t i = core; i < bodies.size(); i += cores)
          browser.post(sandbox.url() + "action/create/", bodies[i]);
      });
  }
  return milliseconds_between(begin, std::chrono::steady_clock::now());
}

// "rsa 2048 bits 0.000267s 0.000008s   3744.0 123000.0": signatures a second.
double openssl_signature_ms() {
  const auto text = output_of({"openssl", "speed", "-seconds", "1", "rsa2048"});
  const auto line = text.find("rsa 2048 bits");
  const auto second = text.find('s', line + 14);
  if (line == std::string::npos || second == std::string::npos) give_up("openssl speed says nothing");
  return 1000 * std::stod(text.substr(line + 13, second - line - 13));
}

}  // namespace

Rows launch_rows(const Options& options) {
  const int count = options.quick ? 300 : 1000;
  std::vector<double> cpu, wall, signature, bare;
  for (int round = 0; round < options.rounds(); ++round) {
    signature.push_back(openssl_signature_ms());
    const auto launches = runner_launches(count);
    cpu.push_back(launches.cpu_ms / count);
    wall.push_back(launches.wall_ms);
    bare.push_back(bare_posts(count));
  }
  return {compared(fmt::format("{} jobs due at one second: CPU a launch / one RSA-2048 signature", count), median(cpu),
                   median(signature), "ms", 4),
          compared("the same: nominal time to last acceptance / bare posts of prepared bodies", median(wall),
                   median(bare), "ms", 2)};
}

}  // namespace mig_bench

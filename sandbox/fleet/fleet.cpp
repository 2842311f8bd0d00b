#include "sandbox/fleet/fleet.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "sandbox/base/dice.h"
#include "sandbox/store/store.h"

namespace mig_sandbox {
namespace {

constexpr Micros kSecond = 1'000'000;
// How often an operation finds something on a simulated agent.
constexpr double kFindRate = 0.25;
constexpr double kChangeRate = 0.04;  // of answers, from one action to the next that asks the same

struct System {
  const char* os;
  const char* ident;
  const char* init;
};
constexpr System kLinux[] = {{"linux", "Debian 12 bookworm", "systemd"},
                             {"linux", "Ubuntu 24.04 noble", "systemd"},
                             {"linux", "Red Hat Enterprise Linux 9.4", "systemd"},
                             {"linux", "CentOS 6.10", "upstart"}};
constexpr System kDesktops[] = {{"windows", "Windows 11 Enterprise", "windows"}, {"darwin", "macOS 14.6", "launchd"}};

struct Role {
  const char* name;
  std::uint32_t weight;
  bool desktop;
};
constexpr Role kRoles[] = {{"web", 30, false},  {"db", 14, false},   {"cache", 7, false}, {"mail", 4, false},
                           {"build", 6, false}, {"lb", 5, false},    {"dns", 2, false},   {"log", 4, false},
                           {"desk", 14, true},  {"laptop", 14, true}};
constexpr const char* kVersions[] = {"20261005+a41c09d2.prod", "20261005+a41c09d2.prod", "20260812+1be7730f.prod",
                                     "20260303+9d02c6aa.beta"};
constexpr const char* kSites[] = {"north1", "south1", "west2", "office"};
constexpr const char* kOperators[] = {"infra", "web", "data", "it"};

template <class T, std::size_t N>
const T& pick(const T (&list)[N], Dice& dice) {
  return list[dice.below(N)];
}

const Role& pick_role(Dice& dice) {
  std::uint32_t at = dice.below(100);
  for (const auto& role : kRoles) {
    if (at < role.weight) return role;
    at -= role.weight;
  }
  return kRoles[0];
}

template <class... Values>
std::string print(const char* format, Values... values) {
  std::array<char, 700> text{};
  const int length = std::snprintf(text.data(), text.size(), format, values...);
  return {text.data(), std::min(static_cast<std::size_t>(length), text.size() - 1)};
}

std::string make_environment(const System& system, bool cloud, Dice& dice) {
  const std::string aws =
      cloud
          ? print(R"("instanceid":"i-%016llx","localipv4":"10.%u.%u.%u","amiid":"ami-%08x","instancetype":"m5.large")",
                  static_cast<unsigned long long>(dice.roll()), dice.below(256), dice.below(256), dice.below(256),
                  static_cast<unsigned>(dice.roll()))
          : std::string();
  return print(
      R"({"init":"%s","ident":"%s","os":"%s","arch":"%s","isproxied":%s,"addresses":["10.%u.%u.%u/24","fe80::%x:%x/64"],)"
      R"("publicip":"198.51.100.%u","aws":{%s},"modules":["file","netstat","ping","pkg"]})",
      system.init, system.ident, system.os, dice.chance(0.9) ? "amd64" : "arm64", dice.chance(0.1) ? "true" : "false",
      dice.below(256), dice.below(256), 1 + dice.below(254), dice.below(65536), dice.below(65536), 1 + dice.below(254),
      aws.c_str());
}

std::string make_queue(const char* os, Dice& dice) {
  constexpr std::string_view kLetters = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string queue = std::string(os) + '.';
  for (int i = 0; i < 32; ++i) queue += kLetters[dice.below(36)];
  return queue;
}

}  // namespace

Fleet::Fleet(const FleetOptions& options, std::int64_t first_id, Micros created)
    : options_(options), first_id_(first_id), created_(created) {}

bool Fleet::has(std::int64_t agent_id) const {
  return agent_id >= first_id_ && agent_id < first_id_ + options_.agents;
}

std::uint64_t Fleet::seed_of(std::int64_t agent_id) const {
  return mix(mix(options_.seed) ^ static_cast<std::uint64_t>(agent_id - first_id_));
}

std::uint64_t Fleet::seed_of(std::int64_t agent_id, std::int64_t action_id) const {
  return mix(seed_of(agent_id) ^ static_cast<std::uint64_t>(action_id));
}

// Machines change slowly: most find the same when they are asked the same again.
Dice Fleet::finding_dice(std::int64_t agent_id, std::int64_t action_id, const FleetScript& script,
                         std::size_t operation) const {
  const auto lasting = mix(seed_of(agent_id) ^ script.seed(operation));
  const auto of_now = seed_of(agent_id, action_id) + operation;
  return Dice(Dice(of_now).chance(kChangeRate) ? mix(lasting ^ of_now) : lasting);
}

std::string Fleet::status_of(int index) const {
  Dice dice(seed_of(first_id_ + index) ^ 1U);
  if (!dice.chance(options_.away)) return "online";
  const auto kind = dice.below(10);
  return kind < 3 ? "idle" : kind < 8 ? "offline" : "destroyed";
}

Agent Fleet::agent(int index) const {
  Dice dice(seed_of(first_id_ + index));
  const Role& role = pick_role(dice);
  const System& system = role.desktop ? pick(kDesktops, dice) : pick(kLinux, dice);
  const bool cloud = !role.desktop && dice.chance(0.4);
  Agent agent;
  agent.id = first_id_ + index;
  agent.name = print("%s-%03d.example.net", role.name, index);
  agent.queueloc = make_queue(system.os, dice);
  agent.version = pick(kVersions, dice);
  agent.pid = 300 + dice.below(30000);
  agent.start_time = created_ - kSecond * static_cast<Micros>(60 + dice.below(30 * 86400));
  agent.refresh_time = agent.start_time + static_cast<Micros>(dice.below(900000));
  agent.status = status_of(index);
  const bool online = agent.status == "online";
  agent.heartbeat_time = created_ - (online ? 1 + dice.below(60 * kSecond) : kSecond * (3600 + dice.below(86400)));
  if (agent.status == "destroyed") agent.destruction_time = agent.heartbeat_time;
  agent.environment = make_environment(system, cloud, dice);
  agent.tags =
      print(R"({"operator":"%s","environment":"%s","site":"%s"})", role.desktop ? "it" : pick(kOperators, dice),
            dice.chance(0.8) ? "production" : "staging", role.desktop ? "office" : pick(kSites, dice));
  return agent;
}

Fleet::Plan Fleet::plan(std::int64_t agent_id, std::int64_t action_id, const FleetScript& script, Micros expire_after,
                        Micros now) const {
  Dice dice(seed_of(agent_id, action_id));
  if (status_of(static_cast<int>(agent_id - first_id_)) != "online" || dice.chance(options_.silent)) return {};
  Plan plan;
  // Most answer within some seconds, a few take up to a minute.
  const double seconds = 0.3 + 3 * dice.fraction() + (dice.chance(0.05) ? 60 * dice.fraction() : 0);
  plan.due =
      std::min(now + static_cast<Micros>(seconds / options_.speed * kSecond), std::max(now, expire_after - kSecond));
  if (dice.chance(options_.late)) plan.due = expire_after - 3 * kSecond + dice.below(23 * kSecond);
  plan.outcome = "success";
  if (dice.chance(options_.failed)) {
    plan.outcome = dice.chance(0.3) ? "timeout" : "failed";
    plan.found = plan.outcome == "failed" ? kFoundNothing : 0;
    return plan;
  }
  for (std::size_t i = 0; i < script.size(); ++i) {
    const bool found = script.can_run(i) && finding_dice(agent_id, action_id, script, i).chance(kFindRate);
    plan.found |= found ? kFoundSomething : kFoundNothing;
    if (!script.can_run(i)) plan.outcome = "failed";
  }
  return plan;
}

void Fleet::append_results(std::string& out, std::int64_t agent_id, std::int64_t action_id, const FleetScript& script,
                           std::string_view status) const {
  // A command that failed though all its modules exist is one of those that fail by chance.
  bool broken = status == "failed";
  for (std::size_t i = 0; i < script.size(); ++i) broken = broken && script.can_run(i);
  out += '[';
  for (std::size_t i = 0; i < script.size(); ++i) {
    if (i != 0) out += ',';
    auto dice = finding_dice(agent_id, action_id, script, i);
    const bool found = dice.chance(kFindRate);
    if (broken) {
      FleetScript::append_failure(out, "module exited with status 2");
    } else {
      script.append_result(out, i, found, dice);
    }
  }
  out += ']';
}

}  // namespace mig_sandbox

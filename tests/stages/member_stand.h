#pragma once

#include "stages/stand.h"
#include "store/administration.h"
#include "support/postgresql_server.h"

namespace mig_runner::test {

using namespace std::chrono_literals;
using store::RunState;

// A server that may be stopped, unlike the one that the other tests share.
struct OwnServer {
  OwnServer() : uri(server.uri(server.new_database())) {
    EXPECT_TRUE(store::make_schema(store::Location::parse(uri, "").value()));
  }
  PostgresqlServer server;
  const std::string uri;
};

struct MemberStand : OwnServer, Stand {
  explicit MemberStand(config::JobConfig config = {}, const std::string& schedule = "* * * * *",
                       std::chrono::milliseconds its_lease = 30s)
      : Stand("2026-11-23T08:00:30Z", uri, its_lease) {
    api.commands_per_action = 25;
    settings.page_size = 10;
    job = make_job("disk", schedule, std::move(config));
    start(job);
    clock.set(at("2026-11-23T08:01:00Z"));
    settle();
  }
  store::Run run() { return store->find("disk", at("2026-11-23T08:01:00Z")).value().value(); }
  // Works on until the store answers again and `condition` holds; its connection is tried once a second of real time.
  bool settles(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < end) {
      settle();
      if (store->counts() && condition()) return true;
    }
    return false;
  }
  void limit_launches(int per_minute) {
    settings.max_launches_per_minute = per_minute;
    restart();
    start(job);
  }
  std::unique_ptr<store::RunStore> other_member() const {
    auto other = std::move(store::RunStore::open(location, "other", clock.now(), 30s)->store);
    EXPECT_TRUE(other->group()->set_jobs({{"disk", "hash"}}));
    return other;
  }
  std::string database() const { return "test_1"; }
  int files_waiting() const {
    int found = 0;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(settings.unrecorded_results(), none))
      found += entry.is_regular_file() ? 1 : 0;
    return found;
  }
  spool::JobPtr job;
};

inline bool result_exists(const Stand& stand, const std::string& name) {
  return std::filesystem::exists(stand.directory.path() / "runners/disk/results/20261123" / name);
}

}  // namespace mig_runner::test

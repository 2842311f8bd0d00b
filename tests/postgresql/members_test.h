#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "postgresql_support.h"
#include "store/run_maker.h"
#include "support/tcp_proxy.h"

namespace mig_runner::store {

using namespace std::chrono_literals;

inline const Timestamp kNoon = at("2026-11-23T12:00:00Z");

// Members of a group on a database of their own.
class MembersTest : public testing::Test {
 protected:
  std::unique_ptr<RunStore> member(std::chrono::milliseconds lease) const {
    return std::move(RunStore::open(database.location(), "runner", kNoon, lease)->store);
  }
  std::unique_ptr<RunStore> member(std::chrono::milliseconds lease, const test::TcpProxy& proxy) const {
    const auto uri = "postgresql://runner@127.0.0.1:" + std::to_string(proxy.port()) + "/" + database.name;
    const auto location = Location::parse(uri + "?connect_timeout=2", "").value();
    return std::move(RunStore::open(location, "runner", kNoon, lease)->store);
  }
  // A run of the job, due at noon.
  static void plan(RunStore& store, const std::string& job, RunState state = RunState::due,
                   std::optional<Timestamp> deadline = std::nullopt) {
    store::Run run;
    run.job = job;
    run.nominal = kNoon;
    run.state = state;
    run.wake = kNoon;
    run.deadline = deadline;
    EXPECT_TRUE(store.add({&run, 1}));
  }
  static std::vector<store::Run> claim(RunStore& store, RunState state = RunState::due) {
    return store.claim({&state, 1}, kNoon, 10).value();
  }
  // As the lease of a process that was killed ends.
  void end_leases_but_of(const std::string& id) const {
    database.query("UPDATE members SET lease_until = clock_timestamp() - interval '1 s' WHERE id <> '" + id + "'");
  }
  std::string newest_member() const {
    auto id = database.query("SELECT id FROM members ORDER BY started DESC LIMIT 1");
    id.erase(id.find('\n'));
    return id;
  }
  static bool eventually(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  PostgresqlDatabase database;
};

}  // namespace mig_runner::store

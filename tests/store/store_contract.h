#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "run_maker.h"
#include "store/run_store.h"

namespace mig_runner::store {

inline const Timestamp kNoon = at("2026-11-23T12:00:00Z");

inline std::vector<std::string> names(const std::vector<store::Run>& runs) {
  std::vector<std::string> all;
  for (const auto& run : runs) all.push_back(run.name());
  return all;
}

inline std::vector<std::string> jobs(const std::vector<store::Run>& runs) {
  std::vector<std::string> all;
  for (const auto& run : runs) all.push_back(run.job);
  return all;
}

// A database that a test has to itself.
class TestDatabase {
 public:
  virtual ~TestDatabase() = default;
  // As its only runner, which has just been started.
  virtual std::unique_ptr<RunStore> open() = 0;
};

struct TestBackend {
  std::string name;
  std::function<std::unique_ptr<TestDatabase>()> make;
};

inline void PrintTo(const TestBackend& backend, std::ostream* out) {
  *out << backend.name;
}

inline std::string backend_name(const testing::TestParamInfo<TestBackend>& info) {
  return info.param.name;
}

// What holds for runs in any database. INSTANTIATE_TEST_SUITE_P names the databases.
class StoreContract : public testing::TestWithParam<TestBackend> {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    store.reset();
    store = database->open();
    ASSERT_NE(store, nullptr);
    ASSERT_TRUE(store->group() == nullptr || store->group()->set_jobs({{full_run().job, "hash"}}));
  }

  store::Run planned(const std::string& job, Timestamp nominal, RunState state = RunState::due,
                     std::optional<Timestamp> wake = Timestamp{}) {
    store::Run run;
    run.job = job;
    run.nominal = nominal;
    run.state = state;
    run.wake = wake;
    EXPECT_EQ(store->add({&run, 1}).value(), std::vector{true});
    return store->find(job, nominal).value().value();
  }
  // Plans it and claims it.
  store::Run claimed(const std::string& job, Timestamp nominal, RunState state = RunState::due) {
    planned(job, nominal, state, at("1990-01-01T00:00:00Z"));
    const auto runs = claim({state}, at("1990-01-01T00:00:00Z"));
    EXPECT_EQ(names(runs), std::vector{job + "@" + format_utc(nominal)});
    return runs.front();
  }
  std::vector<store::Run> claim(std::initializer_list<RunState> states, Timestamp now, int limit = 100) {
    return store->claim({states.begin(), states.size()}, now, limit).value();
  }
  std::optional<Timestamp> next_wake(std::initializer_list<RunState> states) {
    return store->next_wake({states.begin(), states.size()}).value();
  }
  Result<void> record(const Change& change) { return store->record({&change, 1}); }

  std::unique_ptr<TestDatabase> database = GetParam().make();
  std::unique_ptr<RunStore> store;
};

}  // namespace mig_runner::store

#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "run_maker.h"
#include "store_contract.h"
#include "support/scratch_directory.h"
#include "support/sqlite_connection.h"

namespace mig_runner::store {

inline const Timestamp kNow = at("2026-11-23T12:00:00Z");

using test::Connection;
using test::execute;

class SqliteDatabase final : public TestDatabase {
 public:
  std::unique_ptr<RunStore> open() override {
    auto opened = RunStore::open(path, "runner", kNow);
    if (!opened) ADD_FAILURE() << opened.error().text();
    return opened ? std::move(opened->store) : nullptr;
  }

  // Runs in all stages, so that every table and index has several pages. Closed afterwards: all of it in one file.
  void fill(int runs) {
    const auto store = open();
    fill(*store, runs);
  }
  static void fill(RunStore& store, int count) {
    std::vector<store::Run> runs;
    std::vector<Cursor> cursors;
    for (int i = 0; i < count; ++i) {
      auto run = full_run();
      run.job = "job-" + std::to_string(i % 50);
      run.nominal += std::chrono::minutes(i);
      run.state = static_cast<RunState>(i % 13);
      if (i % 2 == 0) run.wake.reset();
      runs.push_back(run);
      cursors.push_back({run.job, run.nominal, ""});
    }
    EXPECT_TRUE(store.plan(cursors, runs, kNoon));
    auto adopted = full_run();
    EXPECT_TRUE(store.adopt(adopted, std::string(10'000, 'a')));
  }

  int set_aside_files() const {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path.parent_path()))
      count += entry.path().filename().string().find(".damaged-") != std::string::npos ? 1 : 0;
    return count;
  }

  test::ScratchDirectory directory;
  const std::filesystem::path path = directory.path() / "runs.db";
};

}  // namespace mig_runner::store

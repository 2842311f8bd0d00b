#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "run_maker.h"
#include "store_contract.h"
#include "support/scratch_directory.h"

namespace mig_runner::store {

inline const Timestamp kNow = at("2026-11-23T12:00:00Z");

// Another process's view of the database.
class Connection {
 public:
  explicit Connection(const std::filesystem::path& path) {
    if (sqlite3_open(path.c_str(), &connection_) != SQLITE_OK) throw std::runtime_error("cannot open");
  }
  ~Connection() { sqlite3_close(connection_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  void execute(const std::string& sql) const {
    if (sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(connection_));
  }

 private:
  sqlite3* connection_ = nullptr;
};

inline void execute(const std::filesystem::path& path, const std::string& sql) {
  Connection(path).execute(sql);
}

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

#include "store/run_store.h"

#include <utility>

#include "store/sql/database.h"
#include "store/sql/open.h"

namespace mig_runner::store {

RunStore::RunStore(std::unique_ptr<Database> database)
    : Planning(*database), Claims(*database), Queries(*database), database_(std::move(database)) {
  if (database_->dialect.server) group_ = std::make_unique<Group>(*database_);
}

Result<Opened> RunStore::open(const Location& location, const std::string& owner, Timestamp now,
                              std::chrono::milliseconds lease_length, const Clock& clock) {
  auto opened = open_database(location, owner, now, lease_length, clock);
  if (!opened) return tl::unexpected(opened.error());
  return Opened{std::unique_ptr<RunStore>(new RunStore(std::move(opened->database))), opened->set_aside,
                opened->damage};
}

Result<std::unique_ptr<RunStore>> RunStore::open_beside(const Location& location, const std::string& owner) {
  auto database = open_database_beside(location, owner);
  if (!database) return tl::unexpected(database.error());
  return std::unique_ptr<RunStore>(new RunStore(std::move(*database)));
}

RunStore::~RunStore() = default;

void RunStore::close() {
  const std::lock_guard lock(database_->mutex);
  database_->close();
}

void RunStore::launch_only_if(std::function<Result<void>()> condition) {
  database_->launch_condition = std::move(condition);
}

Result<void> RunStore::may_launch() {
  const bool lost = database_->file && !database_->file->check();
  if (database_->file_lost.exchange(lost) != lost && lost) {
    const std::lock_guard lock(database_->mutex);
    database_->finish_log();
  }
  return database_->may_launch();
}

void RunStore::begin_shutdown() {
  database_->lock_wait.begin_shutdown();
  if (database_->call_timeout) database_->call_timeout->begin_shutdown();
}

std::vector<std::string> RunStore::take_refused() {
  const std::lock_guard lock(database_->mutex);
  return std::exchange(database_->untold, {});
}

Result<Timestamp> RunStore::shared_time(Timestamp now) {
  return group_ ? group_->time() : now;
}

Result<bool> RunStore::written_by_others() {
  return database_->read([&](soci::session&) -> Result<bool> {
    const auto version = database_->version_by_others();
    return std::exchange(database_->data_version, version) != version;
  });
}

}  // namespace mig_runner::store

#include "store/sql/lock_wait.h"

#include <soci/sqlite3/soci-sqlite3.h>

#include <algorithm>

namespace mig_runner::store {
namespace {

constexpr std::chrono::milliseconds kLongestPause{50};

}  // namespace

void LockWait::install(soci::session& session) {
  auto* const connection = static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
  const auto busy = [](void* self, int tries) { return static_cast<LockWait*>(self)->goes_on(tries) ? 1 : 0; };
  sqlite_api::sqlite3_busy_handler(connection, busy, this);
}

void LockWait::set_limit(std::chrono::milliseconds limit) {
  const MutexLock lock(mutex_);
  limit_ = limit;
}

void LockWait::begin_shutdown() {
  const MutexLock lock(mutex_);
  is_shutting_down_ = true;
  changed_.notify_all();
}

std::chrono::milliseconds LockWait::current_limit() const {
  const bool in_vain_lately = gave_up_ && began_ - *gave_up_ < limit_;
  return is_shutting_down_ || in_vain_lately ? std::min(kShutdownLimit, limit_) : limit_;
}

// SQLite asks whether to try the lock again, and how often it has asked already.
bool LockWait::goes_on(int tries) {
  MutexLock lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (tries == 0) began_ = now;
  const auto left = began_ + current_limit() - now;
  if (left <= left.zero()) {
    if (now - began_ >= limit_) gave_up_ = now;
    return false;
  }
  const auto pause =
      std::min<std::chrono::nanoseconds>(left, std::min(kLongestPause, std::chrono::milliseconds(1 + tries)));
  const bool was_shutting_down = is_shutting_down_;
  changed_.wait_for(lock, pause, [&]() REQUIRES(mutex_) { return is_shutting_down_ != was_shutting_down; });
  return true;
}

}  // namespace mig_runner::store

#include "store/sql/group/lease.h"

#include <time.h>
#include <unistd.h>

#include <random>

#include "base/hex.h"
#include "base/host_name.h"
#include "store/sql/failure.h"
#include "store/sql/postgresql.h"
#include "store/sql/schema.h"
#include "store/sql/sql_text.h"
#include "store/sql/transaction.h"

namespace mig_runner::store {
namespace {

using soci::into;
using soci::use;
using std::chrono::milliseconds;

// How soon a renewal that failed is tried again.
constexpr milliseconds kRetry{500};
constexpr milliseconds kPromptAnswer{2000};

std::chrono::nanoseconds boot_time() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// Its process ids come again, in containers soon: chance tells members apart.
std::string new_id() {
  std::random_device random;
  std::array<std::uint8_t, 6> chance{};
  for (auto& byte : chance) byte = static_cast<std::uint8_t>(random());
  return host_name() + '/' + std::to_string(getpid()) + '/' + hex(chance);
}

// {lease_end}, {now}: by the database's clock.
std::string group_sql(std::string_view text) {
  return sql(text, {{"lease_end", "clock_timestamp() + CAST(:length AS bigint) * interval '1 millisecond'"},
                    {"now", kPostgresql.time}});
}

}  // namespace

Lease::Lease(std::string uri, milliseconds length, const Clock& clock)
    : uri_(std::move(uri)), length_(length), clock_(clock), call_timeout_(longest_call(length)) {}

Lease::~Lease() {
  thread_.request_stop();
  changed_.notify_all();
  call_timeout_.give_up();
}

std::string Lease::join(soci::session& session, const std::string& tree) {
  auto id = new_id();
  const auto host = host_name();
  const int process = getpid();
  const long long length = length_.count();
  const auto begun = boot_time();
  long long database_time = 0;
  session << group_sql(R"(INSERT INTO members (id, host, process, tree, started, lease_until, clock_ahead)
VALUES (:id, :host, :process, :tree, {now}, {lease_end}, 0)
RETURNING {now})"),
      into(database_time), use(id, "id"), use(host, "host"), use(process, "process"), use(tree, "tree"),
      use(length, "length");
  {
    const MutexLock lock(mutex_);
    id_ = id;
    lost_ = false;
    ++term_;
  }
  renewed(id, begun, database_time);
  const long long ahead = clock_ahead().count();
  session << "UPDATE members SET clock_ahead = :ahead WHERE id = :id", use(ahead, "ahead"), use(id, "id");
  if (!thread_.joinable()) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  return id;
}

void Lease::leave(soci::session& session) {
  std::string id;
  {
    const MutexLock lock(mutex_);
    id = id_;
    lost_ = true;
  }
  const long long length = length_.count();
  session << group_sql("UPDATE members SET has_left = true, lease_until = {lease_end} WHERE id = :id"),
      use(length, "length"), use(id, "id");
  session << "UPDATE runs SET owner = NULL WHERE owner = :id", use(id, "id");
  session << "SELECT nextval('changes')";
}

bool Lease::lost() const {
  const MutexLock lock(mutex_);
  return lost_;
}

void Lease::lose() {
  const MutexLock lock(mutex_);
  lost_ = true;
}

std::uint64_t Lease::term() const {
  const MutexLock lock(mutex_);
  return term_;
}

bool Lease::holds(std::uint64_t term) const {
  const MutexLock lock(mutex_);
  return !lost_ && term == term_ && boot_time() < live_until_;
}

std::string Lease::problem() const {
  const MutexLock lock(mutex_);
  return problem_;
}

// Changes where the clock is set, and else by nothing that matters.
milliseconds Lease::wall_ahead_of_boot() const {
  return clock_.now().time_since_epoch() - std::chrono::duration_cast<milliseconds>(boot_time());
}

milliseconds Lease::clock_ahead() const {
  const MutexLock lock(mutex_);
  return clock_ahead_ + wall_ahead_of_boot() - wall_ahead_of_boot_;
}

void Lease::renewed(const std::string& id, Moment begun, long long database_time) {
  const MutexLock lock(mutex_);
  if (id_ != id) return;  // a stage has joined anew meanwhile
  last_renewal_ = begun;
  problem_.clear();
  // Clocks do not all run at the same speed, and what is begun takes a moment to leave.
  live_until_ = begun + length_ * 9 / 10;
  const auto taken = std::chrono::duration_cast<milliseconds>(boot_time() - begun);
  // An answer that took long says little of when the database's clock was read.
  if (taken > kPromptAnswer) return;
  clock_ahead_ = clock_.now().time_since_epoch() - taken / 2 - milliseconds(database_time);
  wall_ahead_of_boot_ = wall_ahead_of_boot();
}

void Lease::renew(soci::session& session) {
  std::string id;
  Moment before{};
  {
    const MutexLock lock(mutex_);
    if (lost_) return;
    id = id_;
    before = last_renewal_;
  }
  const long long length = length_.count();
  const long long ahead = clock_ahead().count();
  const auto begun = boot_time();
  long long database_time = 0;
  session << group_sql(R"(UPDATE members SET lease_until = {lease_end}, clock_ahead = CAST(:ahead AS bigint)
WHERE id = :id AND NOT has_left
RETURNING {now})"),
      into(database_time), use(length, "length"), use(ahead, "ahead"), use(id, "id");
  if (!session.got_data()) {
    const MutexLock lock(mutex_);
    lost_ = lost_ || id_ == id;  // a stage may have joined anew meanwhile
    return;
  }
  renewed(id, begun, database_time);
  // Who was cut off or stopped itself gives the others, for whom the database was away too, time to come back first.
  if (begun - before < length_) free_claims_of_the_dead(session);
}

void Lease::run(const std::stop_token& stop) {
  soci::session session;
  bool prepared = false;
  auto pause = length_ / 3;
  while (!stop.stop_requested()) {
    {
      MutexLock lock(mutex_);
      changed_.wait_for(lock, stop, pause, [] { return false; });
    }
    if (stop.stop_requested()) return;
    pause = length_ / 3;
    try {
      if (connection_lost(session)) {
        if (session.get_backend() != nullptr) session.close();
        prepared = false;
        connect_postgresql(session, uri_);
      }
      call_timeout_.begin(socket_of(session));
      if (!prepared) prepare_postgresql(session, longest_call(length_));
      prepared = true;
      renew(session);
      call_timeout_.end();
    } catch (const std::exception&) {
      const auto failure = current_failure("postgresql://", kPostgresql);
      call_timeout_.end();
      pause = std::min(kRetry, pause);
      const MutexLock lock(mutex_);
      problem_ = failure.error.what;
    }
  }
}

bool free_claims_of_the_dead(soci::session& session) {
  Transaction transaction(session, kPostgresql.begin_durable);
  soci::statement remove = (session.prepare << R"(DELETE FROM members
WHERE id IN (SELECT id FROM members WHERE lease_until < clock_timestamp() FOR UPDATE SKIP LOCKED))");
  remove.execute(true);
  bool any = remove.get_affected_rows() > 0;
  soci::statement free = (session.prepare << R"(UPDATE runs SET owner = NULL
WHERE owner IS NOT NULL AND NOT EXISTS (SELECT 1 FROM members WHERE members.id = runs.owner))");
  free.execute(true);
  any = free.get_affected_rows() > 0 || any;
  transaction.commit();
  // Without its claims, too, a member that is gone leaves to others what only it could do.
  if (any) session << "SELECT nextval('changes')";
  return any;
}

}  // namespace mig_runner::store

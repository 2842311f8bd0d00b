#include "store/sql/database.h"

#include <stdexcept>

#include "store/sql/claimable.h"
#include "store/sql/clean_text.h"
#include "store/sql/sql_text.h"
#include "store/sql/sqlite_file.h"

namespace mig_runner::store {
namespace {

constexpr std::chrono::seconds kReconnectPause{1};

}  // namespace

Database::Database(std::string the_owner, const Location& location)
    : owner(std::move(the_owner)),
      uri(location.uri),
      place(location.text()),
      tree(location.tree()),
      dialect(location.is_postgresql() ? kPostgresql : kSqlite) {}

Database::~Database() {
  if (file && !file->check()) finish_log();
  close();
}

Result<void> Database::may_launch() const {
  if (file)
    if (auto same = file->check(); !same) return same;
  return launch_condition ? launch_condition() : Result<void>();
}

// The log has a name of its own: it does not go with a file that was renamed, and would pass for the log of another
// that stands there now. Where this fails, the next start finds the log.
void Database::finish_log() {
  try {
    session << "PRAGMA wal_checkpoint(TRUNCATE)";
  } catch (const std::exception&) {
  }
}

void Database::close() {
  if (!membership) return;
  try {
    if (!membership->lease().lost() && !connection_lost(session)) {
      const CallEnd end(call_timeout.get());
      call_timeout->begin(socket_of(session));
      membership->lease().leave(session);
    }
  } catch (const std::exception&) {
    // The others see the lease end.
  }
  membership.reset();
}

ChangeWriter& Database::writer() {
  if (!writer_) writer_ = std::make_unique<ChangeWriter>(&owner);
  return *writer_;
}

void Database::disconnect() {
  writer_.reset();
  if (session.get_backend() != nullptr) session.close();
}

void Database::connect() {
  using std::chrono::steady_clock;
  if (!connection_lost(session)) return;
  if (call_timeout->is_shutting_down()) throw std::runtime_error("it does not answer, and this process is ending");
  const auto begin = steady_clock::now();
  if (begin < no_connection_before) std::rethrow_exception(no_connection);
  try {
    disconnect();
    connect_postgresql(session, uri);
    const CallEnd end(call_timeout.get());
    call_timeout->begin(socket_of(session));
    prepare_postgresql(session, call_timeout->limit());
  } catch (...) {
    disconnect();  // a connection that is not prepared has no timeouts
    const auto now = steady_clock::now();
    no_connection = std::current_exception();
    no_connection_before = now + std::max<steady_clock::duration>(kReconnectPause, now - begin);
    throw;
  }
}

// The connection, and a membership where the last one was lost. What was claimed without anybody having heard of it,
// since the connection was lost in that moment, is given back.
void Database::prepare_connection() {
  const bool again = connection_lost(session);
  connect();
  call_timeout->begin(socket_of(session));
  if (!membership) return;
  if (again) {
    if (auto current = require_current(session, dialect); !current) {
      disconnect();  // else the next call would take it for one that was looked at
      throw std::runtime_error(current.error().what);
    }
  }
  if (membership->lease().lost()) {
    held.clear();
    owner = membership->join(session);
    membership->tell_jobs_again(batches());
  } else if (again) {
    release_unknown();
  }
  if (again) tell_others();  // of what may have been committed when the connection was lost
}

void Database::release_unknown() {
  std::string numbers = "0";
  for (const auto& [number, claim] : held) numbers += ',' + std::to_string(number);
  session << "UPDATE runs SET owner = NULL WHERE owner = :owner AND number NOT IN (" + numbers + ")",
      soci::use(owner, "owner");
}

// Where this fails, what was changed stands, and is found without being told.
void Database::tell_others() {
  try {
    session << "SELECT nextval('changes')";
    ++own_changes;
  } catch (const soci::soci_error&) {
  }
}

long long Database::version_by_others() {
  if (!dialect.server) return sqlite_data_version(session);
  long long version = 0;
  session << "SELECT last_value FROM changes", soci::into(version);
  return version - own_changes;
}

Error Database::failed() {
  writer_.reset();
  auto failure = current_failure(place, dialect);
  if (!failure.damaged) return failure.error;
  failure.error.what += ": nothing is written to it any more; the next start checks it and begins a new one if need be";
  damage = failure.error;
  keep_log_at_close(session, true);  // nor by closing it; and the next start looks closely
  return failure.error;
}

void Database::count(const Effects& effects) {
  // A member's id begins with its host: rows do not grow in number with each start.
  const auto counter = membership ? owner.substr(0, owner.find('/')) : owner;
  std::string rows;
  for (const auto& [state, change] : effects.counted)
    if (change != 0)
      rows +=
          (rows.empty() ? "(:owner, " : ", (:owner, ") + state_list({&state, 1}) + ", " + std::to_string(change) + ")";
  if (rows.empty()) return;
  session << sql(R"(INSERT INTO tally (owner, state, runs) VALUES {rows}
ON CONFLICT (owner, state) DO UPDATE SET runs = tally.runs + excluded.runs)",
                 {{"rows", rows}}),
      soci::use(counter, "owner");
}

}  // namespace mig_runner::store

#include "store/store_impl.h"

#include "store/change_writer.h"
#include "store/clean_text.h"
#include "store/sqlite_file.h"

namespace mig_runner::store {
namespace {

constexpr std::chrono::seconds kReconnectPause{1};

std::string of_own_jobs() {
  const std::string any = "EXISTS (SELECT 1 FROM member_jobs WHERE member_jobs.job = runs.job";
  const std::string same = " AND (runs.job_hash = '' OR member_jobs.hash = runs.job_hash)";
  const std::string own = " AND member_jobs.member = :member";
  return " AND (" + any + same + own + ") OR (NOT " + any + same + ") AND (" + any + own + ") OR NOT " + any + "))))";
}

}  // namespace

Transaction::Transaction(soci::session& session, const Dialect::Begin& begin) : session_(session) {
  for (const auto* statement : begin)
    if (statement != nullptr) session_ << statement;
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    session_.rollback();
  } catch (const std::exception&) {
    // SQLite rolls some failures back by itself and then says that there is nothing to roll back; a server does so when
    // the connection is lost.
  }
}

void Transaction::commit() {
  session_.commit();
  open_ = false;
}

RunStore::Impl::Impl(std::string the_owner, const Location& location)
    : owner(std::move(the_owner)),
      uri(location.uri),
      place(location.text()),
      tree(location.tree()),
      dialect(location.is_postgresql() ? kPostgresql : kSqlite) {}

RunStore::Impl::~Impl() {
  if (!lease) return;
  try {
    if (lease->lost() || connection_lost(session)) return;
    patience->begin(socket_of(session));
    lease->leave(session);
  } catch (const std::exception&) {
    // The others see the lease end.
  }
}

ChangeWriter& RunStore::Impl::writer() {
  if (!writer_) writer_ = std::make_unique<ChangeWriter>(session, "owner = :owner", owner);
  return *writer_;
}

void RunStore::Impl::connect() {
  using std::chrono::steady_clock;
  if (!connection_lost(session)) return;
  const auto begin = steady_clock::now();
  if (begin < no_connection_before) std::rethrow_exception(no_connection);
  try {
    writer_.reset();
    if (session.get_backend() != nullptr) session.close();
    connect_postgresql(session, uri);
    const Calm after(patience.get());
    patience->begin(socket_of(session));
    prepare_postgresql(session, patience->limit());
  } catch (...) {
    const auto now = steady_clock::now();
    no_connection = std::current_exception();
    no_connection_before = now + std::max<steady_clock::duration>(kReconnectPause, now - begin);
    throw;
  }
}

// The connection, and a membership where the last one was lost. What was claimed without anybody having heard of it,
// since the connection was lost in that moment, is given back.
void RunStore::Impl::prepare_connection() {
  const bool again = connection_lost(session);
  connect();
  patience->begin(socket_of(session));
  if (!lease) return;
  if (lease->lost()) {
    writer_.reset();
    held.clear();
    owner = lease->join(session, tree);
    Transaction transaction(session, dialect.begin_volatile);
    tell_jobs(jobs, {});
    transaction.commit();
  } else if (again) {
    std::string numbers = "0";
    for (const auto number : held) numbers += ',' + std::to_string(number);
    session << "UPDATE runs SET owner = NULL WHERE owner = :owner AND number NOT IN (" + numbers + ")",
        soci::use(owner, "owner");
  }
}

void RunStore::Impl::tell_jobs(const std::map<std::string, std::string>& put, const std::set<std::string>& removed) {
  std::string name, hash;
  soci::statement known =
      (session.prepare << "INSERT INTO jobs (name) VALUES (:name) ON CONFLICT (name) DO NOTHING", soci::use(name));
  soci::statement insert = (session.prepare << "INSERT INTO member_jobs (member, job, hash) VALUES (:member,"
                                               " (SELECT number FROM jobs WHERE name = :name), :hash)"
                                               " ON CONFLICT (job, member) DO UPDATE SET hash = excluded.hash",
                            soci::use(owner), soci::use(name), soci::use(hash));
  for (const auto& [job, content] : put) {
    name = clean_text(job);
    hash = content;
    known.execute(true);
    insert.execute(true);
  }
  soci::statement erase = (session.prepare << "DELETE FROM member_jobs WHERE member = :member AND job ="
                                              " (SELECT number FROM jobs WHERE name = :name)",
                           soci::use(owner), soci::use(name));
  for (const auto& job : removed) {
    name = clean_text(job);
    erase.execute(true);
  }
}

Result<void> RunStore::Impl::require_lease(Retry retry) {
  if (!lease) return {};
  int live = 0;
  session << "SELECT CASE WHEN lease_until > clock_timestamp() THEN 1 ELSE 0 END FROM members WHERE id = :owner"
             " FOR KEY SHARE",
      soci::into(live), soci::use(owner, "owner");
  if (!session.got_data()) {
    lease->lose();
    return fail("this runner's lease has ended: others do its work", place, retry);
  }
  if (live == 0) return fail("this runner's lease is not renewed at the moment", place, Retry::later);
  return {};
}

// Only now that the change is there to be seen. Where this fails the change stands, and is found without being told.
void RunStore::Impl::tell_others() {
  try {
    session << "SELECT nextval('changes')";
    ++own_changes;
  } catch (const soci::soci_error&) {
    writer_.reset();
  }
}

long long RunStore::Impl::version_by_others() {
  if (!dialect.server) return sqlite_data_version(session);
  long long version = 0;
  session << "SELECT last_value FROM changes", soci::into(version);
  return version - own_changes;
}

Error RunStore::Impl::failed() {
  writer_.reset();
  auto failure = current_failure(place);
  if (!failure.damaged) return failure.error;
  failure.error.what += ": nothing is written to it any more; the next start checks it and begins a new one if need be";
  damage = failure.error;
  keep_log_at_close(session, true);  // nor by closing it; and the next start looks closely
  return failure.error;
}

void RunStore::Impl::count(const Effects& effects) {
  // A member's id begins with its host: rows do not grow in number with each start.
  const auto counter = lease ? owner.substr(0, owner.find('/')) : owner;
  for (const auto& [state, change] : effects.counted) {
    if (change == 0) continue;
    const int number = static_cast<int>(state);
    session << "INSERT INTO tally (owner, state, runs) VALUES (:owner, :state, :change)"
               " ON CONFLICT (owner, state) DO UPDATE SET runs = tally.runs + excluded.runs",
        soci::use(counter, "owner"), soci::use(number, "state"), soci::use(change, "change");
  }
}

std::string RunStore::Impl::ready(std::span<const RunState> states, const std::string& behind_each) const {
  const std::string mine = lease ? " AND (collected_by = '' OR collected_by = :tree OR NOT EXISTS"
                                   " (SELECT 1 FROM members WHERE members.tree = runs.collected_by))" +
                                       of_own_jobs()
                                 : "";
  std::string parts;
  for (const auto state : states) {
    const auto number = std::to_string(static_cast<int>(state));
    parts += (parts.empty() ? "" : " UNION ALL ") +
             ("SELECT * FROM (SELECT number, wake, nominal FROM runs WHERE state = " + number +
              " AND wake IS NOT NULL AND owner IS NULL AND wake <= :now" + mine +
              " ORDER BY wake, nominal LIMIT :limit" + behind_each + ") AS state" + number);
  }
  return "SELECT number, wake FROM (" + parts + ") AS ready ORDER BY wake, nominal LIMIT :limit";
}

}  // namespace mig_runner::store

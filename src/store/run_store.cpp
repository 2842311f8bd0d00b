#include "store/run_store.h"

#include <algorithm>
#include <set>

#include "store/clean_text.h"
#include "store/documents.h"
#include "store/store_impl.h"

namespace mig_runner::store {
namespace {

using soci::into;
using soci::use;

void add_job(soci::session& session, const std::string& job) {
  const auto name = clean_text(job);
  session << "INSERT INTO jobs (name) VALUES (:name) ON CONFLICT (name) DO NOTHING", use(name, "name");
}

// By name, so that two runners that plan at once wait for each other and do not each hold what the other wants.
// `member`: whose time counts little beside that of the others, where there are any; else null.
void move_cursors(soci::session& session, std::span<const Cursor> given, const std::string* member) {
  std::vector<Cursor> cursors(given.begin(), given.end());
  std::stable_sort(cursors.begin(), cursors.end(), [](const Cursor& a, const Cursor& b) { return a.job < b.job; });
  std::string name;
  long long through = 0;
  const std::string unless_ahead =
      " WHERE jobs.planned_through IS NULL OR jobs.planned_through < :through OR NOT EXISTS"
      " (SELECT 1 FROM members WHERE id <> :member)";
  soci::statement statement(session);
  statement.exchange(use(name, "name"));
  statement.exchange(use(through, "through"));
  if (member != nullptr) statement.exchange(use(*member, "member"));
  statement.alloc();
  statement.prepare(
      "INSERT INTO jobs (name, planned_through) VALUES (:name, :through)"
      " ON CONFLICT (name) DO UPDATE SET planned_through = excluded.planned_through" +
      (member != nullptr ? unless_ahead : ""));
  statement.define_and_bind();
  for (const auto& cursor : cursors) {
    name = clean_text(cursor.job);
    through = cursor.planned_through.time_since_epoch().count();
    statement.execute(true);
  }
}

// Says of each whether it was new. `hashes`: a member's jobs, where the store is one.
std::vector<bool> insert_runs(soci::session& session, std::span<const Run> runs, Effects& effects,
                              const std::map<std::string, std::string>* hashes) {
  std::set<std::string> jobs;
  for (const auto& run : runs)
    if (jobs.insert(run.job).second) add_job(session, run.job);

  RunRow row;
  soci::statement statement(session);
  row.bind_insert(statement);
  std::string hash;
  if (hashes != nullptr) statement.exchange(use(hash, "hash"));
  const bool hashed = hashes != nullptr;
  statement.alloc();
  statement.prepare("INSERT INTO runs (" + RunRow::inserted() + (hashed ? ", job_hash" : "") + ") VALUES (" +
                    RunRow::inserted_values() + (hashed ? ", :hash" : "") + ") ON CONFLICT (job, nominal) DO NOTHING");
  statement.define_and_bind();
  std::vector<bool> fresh;
  for (const auto& run : runs) {
    row.set(run);
    if (hashed) hash = hashes->contains(run.job) ? hashes->at(run.job) : "";
    statement.execute(true);
    fresh.push_back(statement.get_affected_rows() == 1);
    if (!fresh.back()) continue;
    ++effects.counted[run.state];
    effects.claimable(run);
  }
  return fresh;
}

std::int64_t number_of(soci::session& session, const Run& run) {
  const auto job = clean_text(run.job);
  const long long nominal = run.nominal.time_since_epoch().count();
  long long number = 0;
  session
      << "SELECT number FROM runs WHERE nominal = :nominal AND job = (SELECT jobs.number FROM jobs WHERE jobs.name ="
         " :job)",
      into(number), use(nominal, "nominal"), use(job, "job");
  return number;
}

}  // namespace

RunStore::RunStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RunStore::~RunStore() = default;

std::uint64_t RunStore::term() {
  return impl_->lease ? impl_->lease->term() : 0;
}

bool RunStore::holds(std::uint64_t term) {
  return !impl_->lease || impl_->lease->holds(term);
}

const std::string& RunStore::tree() const {
  return impl_->tree;
}

std::chrono::milliseconds RunStore::clock_ahead() {
  return impl_->lease ? impl_->lease->clock_ahead() : std::chrono::milliseconds(0);
}

void RunStore::on_change(std::function<void(const Woken&)> listener) {
  const std::lock_guard lock(impl_->mutex);
  impl_->listener = std::move(listener);
}

Result<std::vector<bool>> RunStore::plan(std::span<const Cursor> cursors, std::span<const Run> runs) {
  return impl_->write([&](soci::session& session, Effects& effects) -> Result<std::vector<bool>> {
    move_cursors(session, cursors, impl_->lease ? &impl_->owner : nullptr);
    return insert_runs(session, runs, effects, impl_->lease ? &impl_->jobs : nullptr);
  });
}

Result<std::map<std::string, Timestamp>> RunStore::cursors() {
  return impl_->read([](soci::session& session) -> Result<std::map<std::string, Timestamp>> {
    std::string job;
    long long through = 0;
    soci::statement statement =
        (session.prepare << "SELECT name, planned_through FROM jobs WHERE planned_through IS NOT NULL", into(job),
         into(through));
    statement.execute();
    std::map<std::string, Timestamp> found;
    while (statement.fetch()) found[job] = Timestamp(std::chrono::milliseconds(through));
    return found;
  });
}

Result<bool> RunStore::adopt(const Run& run, const std::string& action) {
  return impl_->write([&](soci::session& session, Effects& effects) -> Result<bool> {
    if (!insert_runs(session, {&run, 1}, effects, nullptr).front()) return false;
    auto adopted = run;
    adopted.number = number_of(session, run);
    keep_action(session, adopted, action);
    return true;
  });
}

}  // namespace mig_runner::store

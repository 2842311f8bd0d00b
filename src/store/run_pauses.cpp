#include <utility>

#include "store/clean_text.h"
#include "store/store_impl.h"

namespace mig_runner::store {

using soci::into;
using soci::use;

Result<std::map<std::string, Pause>> RunStore::paused() {
  return impl_->read([](soci::session& session) -> Result<std::map<std::string, Pause>> {
    std::string job;
    long long since = 0;
    long long last_run = 0;
    soci::statement statement(session);
    statement.exchange(into(job));
    statement.exchange(into(since));
    statement.exchange(into(last_run));
    prepare(statement, "SELECT name, paused_since, COALESCE(paused_at_run, 0) FROM jobs WHERE paused_since IS NOT NULL",
            true);
    statement.execute();
    std::map<std::string, Pause> found;
    while (statement.fetch()) found[job] = {Timestamp(std::chrono::milliseconds(since)), last_run};
    return found;
  });
}

Result<bool> RunStore::pause(const std::string& job, Timestamp now) {
  const auto name = clean_text(job);
  const long long since = now.time_since_epoch().count();
  return impl_->write([&](soci::session& session, Effects& effects) -> Result<bool> {
    effects.concerns_others = true;
    soci::statement statement =
        (session.prepare << "INSERT INTO jobs (name, paused_since) VALUES (:name, :since) ON CONFLICT (name) DO"
                            " UPDATE SET paused_since = excluded.paused_since WHERE jobs.paused_since IS NULL",
         use(name, "name"), use(since, "since"));
    statement.execute(true);
    if (statement.get_affected_rows() != 1) return false;
    // Only now: whoever was just about to plan the job had its row locked.
    session << "UPDATE jobs SET paused_at_run = (SELECT max(number) FROM runs) WHERE name = :name", use(name, "name");
    return true;
  });
}

Result<bool> RunStore::resume(const std::string& job, Timestamp now) {
  const auto name = clean_text(job);
  const long long until = now.time_since_epoch().count();
  return impl_->write([&](soci::session& session, Effects& effects) -> Result<bool> {
    effects.concerns_others = true;
    session << "INSERT INTO pauses (job, since, until) SELECT number, paused_since, :until FROM jobs WHERE name = :name"
               " AND paused_since IS NOT NULL ON CONFLICT (job, until) DO NOTHING",
        use(until, "until"), use(name, "name");
    soci::statement statement =
        (session.prepare << "UPDATE jobs SET paused_since = NULL, paused_at_run = NULL WHERE name = :name"
                            " AND paused_since IS NOT NULL",
         use(name, "name"));
    statement.execute(true);
    return statement.get_affected_rows() == 1;
  });
}

Result<std::optional<PauseOver>> RunStore::last_pause(const std::string& job) {
  const auto name = clean_text(job);
  return impl_->read([&](soci::session& session) -> Result<std::optional<PauseOver>> {
    long long since = 0;
    long long until = 0;
    session << "SELECT since, until FROM pauses WHERE job = (SELECT number FROM jobs WHERE name = :name)"
               " ORDER BY until DESC LIMIT 1",
        into(since), into(until), use(name, "name");
    if (!session.got_data()) return std::nullopt;
    return PauseOver{Timestamp(std::chrono::milliseconds(since)), Timestamp(std::chrono::milliseconds(until))};
  });
}

Result<Timestamp> RunStore::shared_time(Timestamp now) {
  if (!impl_->dialect.server) return now;
  return impl_->read([&](soci::session& session) -> Result<Timestamp> {
    long long time = 0;
    session << std::string("SELECT ") + impl_->dialect.time, into(time);
    return Timestamp(std::chrono::milliseconds(time));
  });
}

Result<bool> RunStore::written_by_others() {
  return impl_->read([&](soci::session&) -> Result<bool> {
    const auto version = impl_->version_by_others();
    return std::exchange(impl_->data_version, version) != version;
  });
}

}  // namespace mig_runner::store

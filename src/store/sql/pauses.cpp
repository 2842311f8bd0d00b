#include "store/planning.h"
#include "store/sql/clean_text.h"
#include "store/sql/database.h"

namespace mig_runner::store {

using soci::into;
using soci::use;

Result<std::map<std::string, Pause>> Planning::paused() {
  return database_.read([](soci::session& session) -> Result<std::map<std::string, Pause>> {
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

Result<bool> Planning::pause(const std::string& job, Timestamp now) {
  const auto name = clean_text(job);
  const long long since = now.time_since_epoch().count();
  return database_.write([&](soci::session& session, Effects& effects) -> Result<bool> {
    effects.concerns_others = true;
    soci::statement statement = (session.prepare << R"(INSERT INTO jobs (name, paused_since) VALUES (:name, :since)
ON CONFLICT (name) DO UPDATE SET paused_since = excluded.paused_since WHERE jobs.paused_since IS NULL)",
                                 use(name, "name"), use(since, "since"));
    statement.execute(true);
    if (statement.get_affected_rows() != 1) return false;
    // Only now: whoever was just about to plan the job had its row locked.
    session << "UPDATE jobs SET paused_at_run = (SELECT max(number) FROM runs) WHERE name = :name", use(name, "name");
    return true;
  });
}

Result<bool> Planning::resume(const std::string& job, Timestamp now) {
  const auto name = clean_text(job);
  const long long until = now.time_since_epoch().count();
  return database_.write([&](soci::session& session, Effects& effects) -> Result<bool> {
    effects.concerns_others = true;
    session << R"(INSERT INTO pauses (job, since, until)
SELECT number, paused_since, :until FROM jobs WHERE name = :name AND paused_since IS NOT NULL
ON CONFLICT (job, until) DO NOTHING)",
        use(until, "until"), use(name, "name");
    soci::statement statement = (session.prepare << R"(UPDATE jobs SET paused_since = NULL, paused_at_run = NULL
WHERE name = :name AND paused_since IS NOT NULL)",
                                 use(name, "name"));
    statement.execute(true);
    return statement.get_affected_rows() == 1;
  });
}

Result<std::multimap<std::string, FinishedPause>> Planning::finished_pauses(Timestamp since) {
  const long long earliest = since.time_since_epoch().count();
  return database_.read([&](soci::session& session) -> Result<std::multimap<std::string, FinishedPause>> {
    std::string job;
    long long begin = 0;
    long long end = 0;
    soci::statement statement(session);
    statement.exchange(into(job));
    statement.exchange(into(begin));
    statement.exchange(into(end));
    statement.exchange(use(earliest, "since"));
    prepare(statement,
            "SELECT name, since, until FROM pauses JOIN jobs ON number = job WHERE until >= :since ORDER BY until",
            true);
    statement.execute();
    std::multimap<std::string, FinishedPause> found;
    while (statement.fetch())
      found.emplace(
          job, FinishedPause{Timestamp(std::chrono::milliseconds(begin)), Timestamp(std::chrono::milliseconds(end))});
    return found;
  });
}

}  // namespace mig_runner::store

#include "store/group.h"

#include "store/sql/claimable.h"
#include "store/sql/database.h"
#include "store/sql/sql_text.h"

namespace mig_runner::store {

using soci::into;
using soci::use;

const std::string& Group::tree() const {
  return database_.tree;
}

Result<Timestamp> Group::time() {
  return database_.read([&](soci::session& session) -> Result<Timestamp> {
    long long time = 0;
    session << std::string("SELECT ") + kPostgresql.time, into(time);
    return Timestamp(std::chrono::milliseconds(time));
  });
}

std::uint64_t Group::term() const {
  return database_.membership ? database_.membership->lease().term() : 0;
}

bool Group::holds(std::uint64_t term) const {
  return !database_.membership || database_.membership->lease().holds(term);
}

std::chrono::milliseconds Group::clock_ahead() const {
  return database_.membership ? database_.membership->lease().clock_ahead() : std::chrono::milliseconds(0);
}

Result<void> Group::set_jobs(const std::map<std::string, std::string>& jobs,
                             const std::map<std::string, std::string>& left_to_others) {
  if (!database_.membership) return {};
  auto told = database_.write([&](soci::session&, Effects& effects) -> Result<void> {
    effects.concerns_others = true;
    database_.membership->change_jobs(database_.batches(), jobs, left_to_others);
    return {};
  });
  if (!told) return told;
  const std::lock_guard lock(database_.mutex);
  database_.membership->jobs_were_told();
  return {};
}

Result<void> Group::release_unknown() {
  if (!database_.membership) return {};
  return database_.write_claims([&](soci::session&, Effects&) -> Result<void> {
    database_.release_unknown();
    return {};
  });
}

Result<std::vector<Member>> Group::members() {
  return database_.read([&](soci::session& session) -> Result<std::vector<Member>> {
    std::vector<Member> found;
    Member member;
    long long started = 0, lease = 0, ahead = 0, busy = 0;
    int able = 0;
    soci::statement statement = (session.prepare << sql(R"(WITH able_members AS ({able_members})
SELECT id, host, process, tree, started,
       CAST(extract(epoch FROM lease_until - clock_timestamp()) * 1000 AS bigint), clock_ahead,
       (SELECT count(*) FROM runs WHERE runs.owner = members.id),
       CASE WHEN id IN (SELECT id FROM able_members) THEN 1 ELSE 0 END
FROM members
WHERE NOT has_left
ORDER BY host, started, id)",
                                                        {{"able_members", able_members()}}),
                                 into(member.id), into(member.host), into(member.process), into(member.tree),
                                 into(started), into(lease), into(ahead), into(busy), into(able));
    statement.execute();
    while (statement.fetch()) {
      member.started = Timestamp(std::chrono::milliseconds(started));
      member.lease_left = std::chrono::milliseconds(lease);
      member.clock_ahead = std::chrono::milliseconds(ahead);
      member.able = able != 0;
      member.at_work_on = busy;
      found.push_back(member);
    }
    return found;
  });
}

Result<std::vector<JobDifference>> Group::job_differences() {
  return database_.read([&](soci::session& session) -> Result<std::vector<JobDifference>> {
    std::vector<JobDifference> found;
    JobDifference difference;
    soci::indicator has = soci::i_null;
    std::string hash;
    soci::statement statement = (session.prepare << R"(WITH differing AS (
  SELECT job FROM member_jobs JOIN members ON members.id = member AND NOT has_left
  GROUP BY job
  HAVING count(*) < (SELECT count(*) FROM members WHERE jobs_told AND NOT has_left) OR min(hash) <> max(hash)
)
SELECT jobs.name, members.host || '/' || CAST(members.process AS text), own.hash
FROM differing
JOIN jobs ON jobs.number = differing.job
JOIN members ON members.jobs_told AND NOT members.has_left
LEFT JOIN member_jobs AS own ON own.job = differing.job AND own.member = members.id
ORDER BY 1, 2)",
                                 into(difference.job), into(difference.member), into(hash, has));
    statement.execute();
    while (statement.fetch()) {
      difference.hash = has == soci::i_ok ? hash : "";
      found.push_back(difference);
    }
    return found;
  });
}

}  // namespace mig_runner::store

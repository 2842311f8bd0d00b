#include <algorithm>
#include <utility>

#include "store/sql/claimable.h"
#include "store/sql/clean_text.h"
#include "store/sql/database.h"
#include "store/sql/job_rows.h"
#include "store/sql/sql_text.h"

namespace mig_runner::store {

using soci::into;
using soci::use;

void RunStore::Impl::tell_jobs(const std::map<std::string, std::string>& put, const std::set<std::string>& removed) {
  struct Cell {
    std::string name, hash;
  };
  std::set<std::string> names;
  for (const auto& [name, hash] : put) names.insert(name);
  add_jobs(batches(), names);
  Rows<Cell> told;
  const std::vector<std::pair<std::string, std::string>> there(put.begin(), put.end());
  batches().go(
      told, there.size(),
      [&](soci::statement& statement, std::size_t rows) {
        statement.exchange(use(owner, "member"));
        for (std::size_t i = 0; i < rows; ++i) {
          statement.exchange(use(told.cells[i].name, "name" + std::to_string(i)));
          statement.exchange(use(told.cells[i].hash, "hash" + std::to_string(i)));
        }
        return sql(R"(INSERT INTO member_jobs (member, job, hash)
SELECT :member, jobs.number, told.hash
FROM (VALUES {told}) AS told (name, hash) JOIN jobs ON jobs.name = told.name
ON CONFLICT (job, member) DO UPDATE SET hash = excluded.hash)",
                   {{"told", repeated("(:name#, :hash#)", rows)}});
      },
      [&](soci::statement& statement, std::size_t begin, std::size_t rows) {
        for (std::size_t i = 0; i < rows; ++i)
          told.cells[i] = {clean_text(there[begin + i].first), there[begin + i].second};
        statement.execute(true);
      });
  session << "UPDATE members SET jobs_told = true WHERE id = :member AND NOT jobs_told", use(owner, "member");
  // This one goes on where its predecessor ended.
  session << "DELETE FROM members WHERE tree = :tree AND has_left", use(tree, "tree");
  const std::vector<std::string> gone(removed.begin(), removed.end());
  Rows<std::string> gone_names;
  batches().go(
      gone_names, gone.size(),
      [&](soci::statement& statement, std::size_t rows) {
        statement.exchange(use(owner, "member"));
        for (std::size_t i = 0; i < rows; ++i) statement.exchange(use(gone_names.cells[i], "name" + std::to_string(i)));
        return sql(R"(DELETE FROM member_jobs
WHERE member = :member AND job IN (SELECT number FROM jobs WHERE name IN ({names})))",
                   {{"names", repeated(":name#", rows)}});
      },
      [&](soci::statement& statement, std::size_t begin, std::size_t rows) {
        for (std::size_t i = 0; i < rows; ++i) gone_names.cells[i] = clean_text(gone[begin + i]);
        statement.execute(true);
      });
}

Result<void> RunStore::set_jobs(const std::map<std::string, std::string>& jobs,
                                const std::map<std::string, std::string>& left_to_others) {
  if (!impl_->lease) return {};
  auto told = impl_->write([&](soci::session& session, Effects& effects) -> Result<void> {
    effects.concerns_others = true;
    std::map<std::string, std::string> put;
    std::set<std::string> removed;
    for (const auto& [job, hash] : jobs) {
      const auto known = impl_->jobs.find(job);
      if (!impl_->jobs_told || known == impl_->jobs.end() || known->second != hash) put.emplace(job, hash);
    }
    if (impl_->jobs_told) {
      for (const auto& [job, hash] : impl_->jobs)
        if (!jobs.contains(job)) removed.insert(job);
    } else {
      session << "DELETE FROM member_jobs WHERE member = :member", use(impl_->owner, "member");
    }
    // From here on a new membership tells these.
    impl_->jobs = jobs;
    impl_->planned_hashes = jobs;
    impl_->planned_hashes.insert(left_to_others.begin(), left_to_others.end());
    impl_->jobs_known = true;
    impl_->jobs_told = false;
    impl_->tell_jobs(put, removed);
    return {};
  });
  if (!told) return told;
  const std::lock_guard lock(impl_->mutex);
  impl_->jobs_told = true;
  return {};
}

Result<std::vector<Member>> RunStore::members() {
  return impl_->read([&](soci::session& session) -> Result<std::vector<Member>> {
    std::vector<Member> found;
    if (!impl_->dialect.server) return found;
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

Result<std::vector<JobDifference>> RunStore::job_differences() {
  return impl_->read([&](soci::session& session) -> Result<std::vector<JobDifference>> {
    std::vector<JobDifference> found;
    if (!impl_->dialect.server) return found;
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

#include "store/sql/group/membership.h"

#include <utility>
#include <vector>

#include "store/group.h"
#include "store/sql/claimable.h"
#include "store/sql/clean_text.h"
#include "store/sql/job_rows.h"
#include "store/sql/sql_text.h"
#include "store/sql/transaction.h"

namespace mig_runner::store {

using soci::into;
using soci::use;

Membership::Membership(const Location& location, std::chrono::milliseconds length, const Clock& clock)
    : tree_(location.tree()), lease_(location.uri, length, clock) {}

std::string Membership::join(soci::session& session) {
  are_jobs_told_ = false;
  id_ = lease_.join(session, tree_);
  return id_;
}

void Membership::tell_jobs_again(const Batches& batches) {
  if (!are_jobs_known_) return;
  try {
    Transaction transaction(batches.session, kPostgresql.begin_volatile);
    tell_jobs(batches, jobs_, {});
    transaction.commit();
    are_jobs_told_ = true;
  } catch (...) {
    lease_.lose();  // a member whose jobs nobody knows would claim what is not its
    try {
      batches.session << "DELETE FROM members WHERE id = :id", use(id_, "id");
    } catch (const std::exception&) {
      // Its lease ends by itself.
    }
    throw;
  }
}

void Membership::change_jobs(const Batches& batches, const Hashes& jobs, const Hashes& left_to_others) {
  Hashes put;
  std::set<std::string> removed;
  for (const auto& [job, hash] : jobs) {
    const auto known = jobs_.find(job);
    if (!are_jobs_told_ || known == jobs_.end() || known->second != hash) put.emplace(job, hash);
  }
  if (are_jobs_told_) {
    for (const auto& [job, hash] : jobs_)
      if (!jobs.contains(job)) removed.insert(job);
  } else {
    batches.session << "DELETE FROM member_jobs WHERE member = :member", use(id_, "member");
  }
  // From here on a new membership tells these.
  jobs_ = jobs;
  planned_hashes_ = jobs;
  planned_hashes_.insert(left_to_others.begin(), left_to_others.end());
  are_jobs_known_ = true;
  are_jobs_told_ = false;
  tell_jobs(batches, put, removed);
}

void Membership::bind(soci::statement& statement) const {
  statement.exchange(use(tree_, "tree"));
  statement.exchange(use(id_, "member"));
}

void Membership::tell_jobs(const Batches& batches, const Hashes& put, const std::set<std::string>& removed) {
  struct Cell {
    std::string name, hash;
  };
  std::set<std::string> names;
  for (const auto& [name, hash] : put) names.insert(name);
  add_jobs(batches, names);
  Rows<Cell> told;
  const std::vector<std::pair<std::string, std::string>> there(put.begin(), put.end());
  batches.go(
      told, there.size(),
      [&](soci::statement& statement, std::size_t rows) {
        statement.exchange(use(id_, "member"));
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
  batches.session << "UPDATE members SET jobs_told = true WHERE id = :member AND NOT jobs_told", use(id_, "member");
  // This one goes on where its predecessor ended.
  batches.session << "DELETE FROM members WHERE tree = :tree AND has_left", use(tree_, "tree");
  const std::vector<std::string> gone(removed.begin(), removed.end());
  Rows<std::string> gone_names;
  batches.go(
      gone_names, gone.size(),
      [&](soci::statement& statement, std::size_t rows) {
        statement.exchange(use(id_, "member"));
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

Result<void> Membership::require_lease(soci::session& session, const std::string& place, Retry retry) {
  int live = 0;
  session << R"(SELECT CASE WHEN lease_until > clock_timestamp() THEN 1 ELSE 0 END FROM members
WHERE id = :owner AND NOT has_left
FOR KEY SHARE)",
      into(live), use(id_, "owner");
  if (!session.got_data()) {
    lease_.lose();
    return fail("this runner's lease has ended: others do its work", place, retry);
  }
  if (live != 0) return {};
  const auto problem = lease_.problem();
  return fail("this runner's lease is not renewed at the moment" + (problem.empty() ? "" : ": " + problem), place,
              Retry::later);
}

Result<void> Membership::require_right_clock(soci::session& session, const std::string& place) {
  const auto ahead = lease_.clock_ahead();
  if (std::chrono::abs(ahead) <= kClockFarOff) return {};
  const long long near = kClockNear.count();
  int others = 0;
  session << R"(SELECT count(*) FROM members
WHERE id <> :owner AND NOT has_left AND lease_until > clock_timestamp() AND abs(clock_ahead) <= :near)",
      into(others), use(id_, "owner"), use(near, "near");
  if (others == 0) return {};
  return fail("this machine's clock is far off the database's: other runners do its work until it is set", place);
}

}  // namespace mig_runner::store

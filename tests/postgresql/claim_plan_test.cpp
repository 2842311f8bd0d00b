// The claim among many runs goes by its index.

#include "store/claim_plan.h"

#include <gmock/gmock.h>

#include <array>

#include "postgresql_support.h"

namespace mig_runner::store {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(PostgresqlClaim, GoesByItsIndexAmongAMillionRuns) {
  PostgresqlDatabase database;
  database.query(std::string(kInsertMany) + "FROM generate_series(1, 1000000) AS many (n)");
  // Ten members that all have the hundred jobs.
  database.query(R"(INSERT INTO jobs (name) SELECT 'job' || n FROM generate_series(1, 100) AS n;
INSERT INTO members (id, host, process, tree, started, lease_until, clock_ahead)
SELECT 'member' || n, 'host', n, 'tree' || n, 0, clock_timestamp() + interval '1 hour', 0
FROM generate_series(1, 10) AS n;
INSERT INTO member_jobs (member, job, hash) SELECT members.id, jobs.number, 'hash' FROM members, jobs;)");
  for (const auto* table : {"runs", "jobs", "members", "member_jobs"}) database.query("ANALYZE " + std::string(table));
  const auto plan_of = [&](const std::string& statement) {
    return database.query("EXPLAIN " + with_values(statement));
  };
  const auto by_index = AllOf(HasSubstr("Index Scan using runs_ready on runs"), Not(HasSubstr("Seq Scan on runs")),
                              Not(HasSubstr("Sort Key: runs")));  // the index has them in order
  std::vector<std::string> statements;
  for (const bool is_member : {true, false}) {
    statements.push_back(claim_statement(kPostgresql, kWaitingStates, is_member, 0));
    statements.push_back(upcoming_statement(kWaitingStates, is_member, 0));
  }
  for (const auto& statement : statements) EXPECT_THAT(plan_of(statement), by_index) << statement;
  database.query("DROP INDEX runs_ready");
  for (const auto& statement : statements) EXPECT_THAT(plan_of(statement), Not(by_index)) << statement;
}

}  // namespace
}  // namespace mig_runner::store

// The claim among many runs goes by its index.

#include "claim_plan.h"

#include <gmock/gmock.h>

#include "sqlite_support.h"

namespace mig_runner::store {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// How SQLite would execute the statement, a line for each step.
std::string plan_of(const std::filesystem::path& path, const std::string& statement) {
  std::string plan;
  const auto add = [](void* lines, int columns, char** values, char**) {
    static_cast<std::string*>(lines)->append(values[columns - 1]).append("\n");
    return 0;
  };
  sqlite3* connection = nullptr;
  EXPECT_EQ(sqlite3_open(path.c_str(), &connection), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(connection, ("EXPLAIN QUERY PLAN " + statement).c_str(), add, &plan, nullptr), SQLITE_OK)
      << sqlite3_errmsg(connection);
  sqlite3_close(connection);
  return plan;
}

TEST(SqliteClaim, GoesByItsIndexAmongAMillionRuns) {
  SqliteDatabase database;
  ASSERT_NE(database.open(), nullptr);
  execute(database.path, R"(BEGIN;
WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 1000000) )" +
                             std::string(kInsertMany) + "FROM many; COMMIT; ANALYZE");
  const auto by_index = AllOf(HasSubstr("SEARCH runs USING INDEX runs_ready (state=?"), Not(HasSubstr("SCAN runs")));
  const std::array statements{with_values(claim_statement(kSqlite, kWaitingStates, false, 0)),
                              with_values(upcoming_statement(kWaitingStates, false, 0))};
  for (const auto& statement : statements) EXPECT_THAT(plan_of(database.path, statement), by_index);
  execute(database.path, "DROP INDEX runs_ready");
  for (const auto& statement : statements) EXPECT_THAT(plan_of(database.path, statement), Not(by_index));
}

// As they are pasted into psql.
TEST(ClaimStatement, FitsAPage) {
  EXPECT_LT(claim_statement(kPostgresql, kWaitingStates, true, 3).size(), 2600U);
  EXPECT_LT(upcoming_statement(kWaitingStates, true, 3).size(), 2600U);
}

}  // namespace
}  // namespace mig_runner::store

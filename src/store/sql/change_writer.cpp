#include "store/sql/change_writer.h"

#include <vector>

#include "store/sql/sql_text.h"

namespace mig_runner::store {
namespace {

using soci::into;
using soci::use;

// One run by its parameters, for which SQLite needs half the time; several by a table of new values.
std::string update_sql(std::size_t rows, const std::string& is_claimed) {
  if (rows == 1)
    return sql(R"(UPDATE runs
SET {assignments}, owner = CASE WHEN :keep_claim0 = 1 THEN owner END
WHERE number = :number0 AND state = :from_state0 AND {is_claimed}
  AND (:state0 <> {signed} OR NOT EXISTS (
    SELECT 1 FROM jobs WHERE jobs.number = runs.job AND jobs.paused_at_run >= runs.number))
RETURNING runs.number)",
               {{"assignments", RunRow::assignments(":", "0")}, {"is_claimed", is_claimed}});
  const auto row = "(CAST(:from_state# AS bigint), CAST(:keep_claim# AS bigint), " + RunRow::updated_values("#") + ')';
  return sql(R"(WITH given (from_state, keep_claim, {columns}) AS (VALUES {rows})
UPDATE runs
SET {assignments}, owner = CASE WHEN given.keep_claim = 1 THEN owner END
FROM given
WHERE runs.number = given.number AND runs.state = given.from_state AND {is_claimed}
  AND (given.state <> {signed} OR NOT EXISTS (
    SELECT 1 FROM jobs WHERE jobs.number = runs.job AND jobs.paused_at_run >= runs.number))
RETURNING runs.number)",
             {{"columns", RunRow::updated()},
              {"rows", repeated(row, rows)},
              {"assignments", RunRow::assignments("given.", "")},
              {"is_claimed", is_claimed}});
}

}  // namespace

// The numbers of the runs that were as their change expects them.
std::set<std::int64_t> ChangeWriter::update(const Batches& batches, std::span<const Change> changes) {
  std::set<std::int64_t> updated;
  batches.go(
      runs_, changes.size(),
      [&](soci::statement& statement, std::size_t rows) {
        statement.exchange(into(updated_));
        for (std::size_t i = 0; i < rows; ++i) {
          auto& cell = runs_.cells[i];
          const auto suffix = std::to_string(i);
          statement.exchange(use(cell.from, "from_state" + suffix));
          statement.exchange(use(cell.keep_claim, "keep_claim" + suffix));
          cell.row.bind_update(statement, suffix);
        }
        if (owner_ != nullptr) statement.exchange(use(*owner_, "owner"));
        return update_sql(rows, owner_ != nullptr ? "owner = :owner" : "owner IS NULL");
      },
      [&](soci::statement& statement, std::size_t begin, std::size_t rows) {
        for (std::size_t i = 0; i < rows; ++i) {
          const auto& change = changes[begin + i];
          auto& cell = runs_.cells[i];
          cell.row.set(change.run);
          cell.from = static_cast<int>(change.from);
          cell.keep_claim = change.keep_claim ? 1 : 0;
        }
        statement.execute();
        while (statement.fetch()) updated.insert(updated_);
      });
  return updated;
}

const Change* ChangeWriter::write(const Batches& batches, std::span<const Change> changes) {
  const auto updated = update(batches, changes);
  std::vector<Document> documents;
  std::vector<std::int64_t> dropped;
  for (const auto& change : changes) {
    const auto run = change.run.number;
    if (!updated.contains(run)) return &change;
    const auto& [signature, action] = change.documents;
    if (signature) documents.push_back({run, DocumentKind::signature, *signature});
    if (action) documents.push_back({run, DocumentKind::action, *action});
    if (change.drop_documents) dropped.push_back(run);
  }
  documents_.keep(batches, documents);
  documents_.drop(batches, dropped);
  return nullptr;
}

}  // namespace mig_runner::store

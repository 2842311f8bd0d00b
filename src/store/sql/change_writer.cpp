#include "store/sql/change_writer.h"

#include <vector>

namespace mig_runner::store {
namespace {

using soci::into;
using soci::use;

// Of several runs by what a table of new values says of each. For one run that costs SQLite twice as much as the plain
// statement.
std::string update_sql(std::size_t rows, const std::string& whose) {
  const bool one = rows == 1;
  const std::string before = one ? ":" : "given.";
  const std::string behind = one ? "0" : "";
  const auto row = [](const std::string& i) {
    return "(CAST(:from_state" + i + " AS bigint), CAST(:keep_claim" + i + " AS bigint), " + RunRow::updated_values(i) +
           ')';
  };
  const auto given =
      one ? ""
          : "WITH given (from_state, keep_claim, " + RunRow::updated() + ") AS (VALUES " + listed(rows, row) + ") ";
  return given + "UPDATE runs SET " + RunRow::assignments(before, behind) + ", owner = CASE WHEN " + before +
         "keep_claim" + behind + " = 1 THEN owner END" + (one ? "" : " FROM given") + " WHERE runs.number = " + before +
         "number" + behind + " AND runs.state = " + before + "from_state" + behind + " AND owner " + whose + " AND (" +
         before + "state" + behind + " <> " + std::to_string(static_cast<int>(RunState::signed_)) +
         " OR NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.number = runs.job AND jobs.paused_at_run >= runs.number))"
         " RETURNING runs.number";
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
        return update_sql(rows, owner_ != nullptr ? "= :owner" : "IS NULL");
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

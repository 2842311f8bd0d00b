#include "store/sql/documents.h"

#include <algorithm>

#include "store/sql/clean_text.h"
#include "store/sql/sql_text.h"
#include "store/sql/statement.h"

namespace mig_runner::store {

using soci::into;
using soci::use;

void DocumentWriter::keep(const Batches& batches, std::span<const Document> documents) {
  batches.go(
      kept_, documents.size(),
      [&](soci::statement& statement, std::size_t rows) {
        for (std::size_t i = 0; i < rows; ++i) {
          auto& cell = kept_.cells[i];
          const auto suffix = std::to_string(i);
          statement.exchange(use(cell.run, "run" + suffix));
          statement.exchange(use(cell.kind, "kind" + suffix));
          statement.exchange(use(cell.content, "content" + suffix));
        }
        const auto signature = std::to_string(static_cast<int>(DocumentKind::signature)) + " /* signature */";
        const auto row = sql(R"(
  (:run#, :kind#, (SELECT count(*) FROM documents WHERE run = :run# AND kind = :kind# AND kind = {signature}), :content#))",
                             {{"signature", signature}});
        return sql(R"(INSERT INTO documents (run, kind, place, content) VALUES {rows}
ON CONFLICT (run, kind, place) DO UPDATE SET content = excluded.content)",
                   {{"rows", repeated(row, rows)}});
      },
      [&](soci::statement& statement, std::size_t begin, std::size_t rows) {
        for (std::size_t i = 0; i < rows; ++i) {
          const auto& [run, kind, content] = documents[begin + i];
          kept_.cells[i] = {run, static_cast<int>(kind), clean_text(content)};
        }
        statement.execute(true);
      });
}

void DocumentWriter::drop(const Batches& batches, std::span<const std::int64_t> runs) {
  batches.go(
      dropped_, runs.size(),
      [&](soci::statement& statement, std::size_t rows) {
        for (std::size_t i = 0; i < rows; ++i) statement.exchange(use(dropped_.cells[i], "run" + std::to_string(i)));
        return sql("DELETE FROM documents WHERE run IN ({runs})", {{"runs", repeated(":run#", rows)}});
      },
      [&](soci::statement& statement, std::size_t begin, std::size_t rows) {
        std::copy_n(runs.begin() + static_cast<std::ptrdiff_t>(begin), rows, dropped_.cells.begin());
        statement.execute(true);
      });
}

std::vector<std::string> read_documents(soci::session& session, const Run& run, DocumentKind kind) {
  const int number = static_cast<int>(kind);
  std::string content;
  soci::statement statement(session);
  statement.exchange(into(content));
  statement.exchange(use(run.number, "run"));
  statement.exchange(use(number, "kind"));
  prepare(statement, "SELECT content FROM documents WHERE run = :run AND kind = :kind ORDER BY place", true);
  statement.execute();
  std::vector<std::string> found;
  while (statement.fetch()) found.push_back(content);
  return found;
}

}  // namespace mig_runner::store

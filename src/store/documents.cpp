#include "store/documents.h"

#include "store/clean_text.h"
#include "store/statement.h"

namespace mig_runner::store {

using soci::into;
using soci::use;

void keep_action(soci::session& session, const Run& run, const std::string& text) {
  const int number = static_cast<int>(DocumentKind::action);
  const auto content = clean_text(text);
  session << "INSERT INTO documents (run, kind, place, content) VALUES (:run, :kind, 0, :content)",
      use(run.number, "run"), use(number, "kind"), use(content, "content");
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

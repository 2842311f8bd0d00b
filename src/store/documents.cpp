#include "store/documents.h"

#include "store/clean_text.h"

namespace mig_runner::store {

using soci::into;
using soci::use;

void keep_document(soci::session& session, const Run& run, DocumentKind kind, const std::string& text) {
  const int number = static_cast<int>(kind);
  const auto content = clean_text(text);
  int place = 0;
  if (kind == DocumentKind::signature)
    session << "SELECT count(*) FROM documents WHERE run = :run AND kind = :kind", into(place), use(run.number, "run"),
        use(number, "kind");
  session << "INSERT INTO documents (run, kind, place, content) VALUES (:run, :kind, :place, :content)"
             " ON CONFLICT (run, kind, place) DO UPDATE SET content = excluded.content",
      use(run.number, "run"), use(number, "kind"), use(place, "place"), use(content, "content");
}

void keep_documents(soci::session& session, const Change& change) {
  const auto& [signed_action, signature, action] = change.documents;
  if (signed_action) keep_document(session, change.run, DocumentKind::signed_action, *signed_action);
  if (signature) keep_document(session, change.run, DocumentKind::signature, *signature);
  if (action) keep_document(session, change.run, DocumentKind::action, *action);
  if (change.drop_documents) session << "DELETE FROM documents WHERE run = :run", use(change.run.number, "run");
}

std::vector<std::string> read_documents(soci::session& session, const Run& run, DocumentKind kind) {
  const int number = static_cast<int>(kind);
  std::string content;
  soci::statement statement =
      (session.prepare << "SELECT content FROM documents WHERE run = :run AND kind = :kind ORDER BY place",
       into(content), use(run.number, "run"), use(number, "kind"));
  statement.execute();
  std::vector<std::string> found;
  while (statement.fetch()) found.push_back(content);
  return found;
}

}  // namespace mig_runner::store

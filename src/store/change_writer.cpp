#include "store/change_writer.h"

#include "store/clean_text.h"
#include "store/documents.h"

namespace mig_runner::store {

using soci::use;

ChangeWriter::ChangeWriter(soci::session& session, const std::string& whose, const std::string& owner)
    : owner_(owner),
      names_owner_(whose.find(":owner") != std::string::npos),
      keeping_claim_(session),
      ending_claim_(session),
      replace_document_(
          (session.prepare << "INSERT INTO documents (run, kind, place, content) VALUES (:run, :kind, 0, :content)"
                              " ON CONFLICT (run, kind, place) DO UPDATE SET content = excluded.content",
           use(run_, "run"), use(kind_, "kind"), use(content_, "content"))),
      add_signature_(
          (session.prepare << "INSERT INTO documents (run, kind, place, content) VALUES (:run, :kind,"
                              " (SELECT count(*) FROM documents WHERE run = :run AND kind = :kind), :content)",
           use(run_, "run"), use(kind_, "kind"), use(content_, "content"))),
      drop_documents_((session.prepare << "DELETE FROM documents WHERE run = :run", use(run_, "run"))) {
  prepare_update(keeping_claim_, whose, true);
  prepare_update(ending_claim_, whose, false);
}

void ChangeWriter::prepare_update(soci::statement& statement, const std::string& whose, bool keep_claim) {
  row_.bind_update(statement);
  statement.exchange(use(from_, "from"));
  if (names_owner_) statement.exchange(use(owner_, "owner"));
  prepare(statement,
          "UPDATE runs SET " + RunRow::assignments() + (keep_claim ? "" : ", owner = NULL") +
              " WHERE number = :number AND state = :from AND " + whose,
          false);
}

void ChangeWriter::keep_documents(const Change& change) {
  const auto keep = [&](soci::statement& statement, DocumentKind kind, const std::optional<std::string>& text) {
    if (!text) return;
    kind_ = static_cast<int>(kind);
    content_ = clean_text(*text);
    statement.execute(true);
  };
  run_ = change.run.number;
  keep(replace_document_, DocumentKind::signed_action, change.documents.signed_action);
  keep(add_signature_, DocumentKind::signature, change.documents.signature);
  keep(replace_document_, DocumentKind::action, change.documents.action);
  if (change.drop_documents) drop_documents_.execute(true);
}

bool ChangeWriter::apply(const Change& change, Effects& effects) {
  row_.set(change.run);
  from_ = static_cast<int>(change.from);
  auto& update = change.keep_claim ? keeping_claim_ : ending_claim_;
  update.execute(true);
  if (update.get_affected_rows() != 1) return false;
  keep_documents(change);
  --effects.counted[change.from];
  ++effects.counted[change.run.state];
  if (change.keep_claim) return true;
  effects.given_back.push_back(change.run.number);
  effects.claimable(change.run);
  return true;
}

}  // namespace mig_runner::store

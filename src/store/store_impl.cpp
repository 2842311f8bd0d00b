#include "store/store_impl.h"

#include "store/change_writer.h"
#include "store/sqlite_file.h"

namespace mig_runner::store {

Transaction::Transaction(soci::session& session, const Dialect::Begin& begin) : session_(session) {
  for (const auto* statement : begin) session_ << statement;
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    session_.rollback();
  } catch (const std::exception&) {
    // SQLite rolls some failures back by itself and then says that there is nothing to roll back.
  }
}

void Transaction::commit() {
  session_.commit();
  open_ = false;
}

RunStore::Impl::Impl(std::string the_owner, std::string the_place, const Dialect& the_dialect)
    : owner(std::move(the_owner)), place(std::move(the_place)), dialect(the_dialect) {}

RunStore::Impl::~Impl() = default;

ChangeWriter& RunStore::Impl::writer() {
  if (!writer_) writer_ = std::make_unique<ChangeWriter>(session, "owner = :owner", owner);
  return *writer_;
}

Error RunStore::Impl::failed() {
  writer_.reset();
  auto failure = current_failure(place);
  if (!failure.damaged) return failure.error;
  failure.error.what += ": nothing is written to it any more; the next start checks it and begins a new one if need be";
  damage = failure.error;
  keep_log_at_close(session, true);  // nor by closing it; and the next start looks closely
  return failure.error;
}

void RunStore::Impl::count(const Effects& effects) {
  for (const auto& [state, change] : effects.counted) {
    if (change == 0) continue;
    const int number = static_cast<int>(state);
    session << "INSERT INTO tally (owner, state, runs) VALUES (:owner, :state, :change)"
               " ON CONFLICT (owner, state) DO UPDATE SET runs = tally.runs + excluded.runs",
        soci::use(owner, "owner"), soci::use(number, "state"), soci::use(change, "change");
  }
}

std::string RunStore::Impl::ready(std::span<const RunState> states) {
  std::string parts;
  for (const auto state : states) {
    const auto number = std::to_string(static_cast<int>(state));
    parts += (parts.empty() ? "" : " UNION ALL ") +
             ("SELECT * FROM (SELECT number, wake, nominal FROM runs WHERE state = " + number +
              " AND wake IS NOT NULL AND owner IS NULL AND wake <= :now ORDER BY wake, nominal LIMIT :limit) AS state" +
              number);
  }
  return "SELECT number, wake FROM (" + parts + ") AS ready ORDER BY wake, nominal LIMIT :limit";
}

}  // namespace mig_runner::store

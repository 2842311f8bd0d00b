#include "store/run_store.h"

#include <algorithm>
#include <tuple>

#include "store/database.h"
#include "store/run_row.h"
#include "store/run_store_impl.h"

namespace mig_runner::store {
namespace {

using soci::into;
using soci::use;

}  // namespace

std::string state_list(std::span<const RunState> states) {
  std::string list;
  for (const auto state : states) {
    if (!list.empty()) list += ", ";
    list += std::to_string(static_cast<int>(state));
  }
  return "(" + list + ")";
}

RunStore::RunStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RunStore::~RunStore() = default;

Result<Opened> RunStore::open(const std::filesystem::path& path, const std::string& owner, Timestamp now) {
  auto database = open_database(path, now);
  if (!database) return tl::unexpected(database.error());
  auto impl = std::make_unique<Impl>();
  impl->where = path.string();
  impl->owner = owner;
  impl->session = std::move(database->session);
  auto released = impl->transact(
      [&] { *impl->session << "UPDATE run SET owner = NULL WHERE wake IS NOT NULL AND owner IS NOT NULL"; });
  if (!released) return tl::unexpected(released.error());
  return Opened{std::unique_ptr<RunStore>(new RunStore(std::move(impl))), database->set_aside};
}

void RunStore::on_change(std::function<void(RunState)> listener) {
  impl_->listener = std::move(listener);
}

void RunStore::Impl::move_tally(RunState state, int by) {
  const int number = static_cast<int>(state);
  *session
      << "INSERT INTO tally (state, runs) VALUES (:state, :by) ON CONFLICT (state) DO UPDATE SET runs = tally.runs + "
         "excluded.runs",
      use(number, "state"), use(by, "by");
}

bool RunStore::Impl::insert(const Run& run, long long& number) {
  RunRow row(run);
  soci::statement statement(*session);
  row.use(statement);
  statement.alloc();
  statement.prepare(std::string("INSERT INTO run ") + RunRow::insert() + " ON CONFLICT (job, nominal) DO NOTHING");
  statement.define_and_bind();
  statement.execute(true);
  if (statement.get_affected_rows() == 0) return false;
  const auto nominal = count(run.nominal);
  *session << "SELECT number FROM run WHERE job = :job AND nominal = :nominal", into(number), use(run.job),
      use(nominal);
  move_tally(run.state, 1);
  return true;
}

void RunStore::Impl::add_document(long long run, DocumentKind kind, const std::string& body, bool append) {
  int position = 0;
  const int kind_number = kind;
  if (append)
    *session << "SELECT COUNT(*) FROM document WHERE run = :run AND kind = :kind", into(position), use(run),
        use(kind_number);
  *session << "INSERT INTO document (run, kind, position, body) VALUES (:run, :kind, :position, :body)"
              " ON CONFLICT (run, kind, position) DO UPDATE SET body = excluded.body",
      use(run), use(kind_number), use(position), use(body);
}

Result<std::vector<bool>> RunStore::plan(std::span<const Cursor> cursors, std::span<const Run> runs) {
  std::set<RunState> due;
  auto planned = impl_->transact([&] {
    for (const auto& cursor : cursors) {
      const auto through = count(cursor.planned_through);
      *impl_->session << "INSERT INTO planned (job, through) VALUES (:job, :through)"
                         " ON CONFLICT (job) DO UPDATE SET through = excluded.through",
          use(cursor.job), use(through);
    }
    std::vector<bool> fresh;
    for (const auto& run : runs) {
      long long number = 0;
      fresh.push_back(impl_->insert(run, number));
      if (fresh.back() && run.wake) due.insert(run.state);
    }
    return fresh;
  });
  if (planned) impl_->tell(due);
  return planned;
}

Result<std::map<std::string, Timestamp>> RunStore::cursors() {
  return impl_->guarded([&] {
    std::map<std::string, Timestamp> all;
    std::string job;
    long long through = 0;
    soci::statement statement =
        (impl_->session->prepare << "SELECT job, through FROM planned", into(job), into(through));
    statement.execute();
    while (statement.fetch()) all[job] = time_of(through);
    return all;
  });
}

Result<bool> RunStore::adopt(const Run& run, const std::string& action) {
  auto adopted = impl_->transact([&] {
    long long number = 0;
    if (!impl_->insert(run, number)) return false;
    impl_->add_document(number, kAction, action, false);
    return true;
  });
  if (adopted && *adopted) impl_->tell({run.state});
  return adopted;
}

Result<std::vector<Run>> RunStore::claim(std::span<const RunState> states, Timestamp now, int limit) {
  auto claimed = impl_->guarded([&] {
    const auto until = count(now);
    return query_runs(
        *impl_->session,
        "UPDATE run SET owner = :owner WHERE owner IS NULL AND number IN (SELECT number FROM run WHERE state IN " +
            state_list(states) +
            " AND wake <= :until AND owner IS NULL ORDER BY wake, nominal LIMIT :limit) RETURNING " + RunRow::columns(),
        [&](soci::statement& statement) {
          statement.exchange(use(impl_->owner, "owner"));
          statement.exchange(use(until, "until"));
          statement.exchange(use(limit, "limit"));
        });
  });
  if (claimed)
    std::sort(claimed->begin(), claimed->end(),
              [](const Run& a, const Run& b) { return std::tie(a.wake, a.nominal) < std::tie(b.wake, b.nominal); });
  return claimed;
}

Result<std::optional<Timestamp>> RunStore::next_wake(std::span<const RunState> states) {
  return impl_->guarded([&] {
    long long wake = 0;
    soci::indicator indicator = soci::i_null;
    *impl_->session << "SELECT MIN(wake) FROM run WHERE wake IS NOT NULL AND owner IS NULL AND state IN " +
                           state_list(states),
        into(wake, indicator);
    return indicator == soci::i_null ? std::optional<Timestamp>() : time_of(wake);
  });
}

Result<void> RunStore::release(std::span<const Run> runs) {
  std::set<RunState> states;
  auto released = impl_->transact([&] {
    for (const auto& run : runs) {
      const long long number = run.number;
      *impl_->session << "UPDATE run SET owner = NULL WHERE number = :number AND owner = :owner", use(number),
          use(impl_->owner);
      if (run.wake) states.insert(run.state);
    }
  });
  if (released) impl_->tell(states);
  return released;
}

void RunStore::Impl::apply(const Change& change) {
  const long long number = change.run.number;
  const int from = static_cast<int>(change.from);
  RunRow row(change.run);
  soci::statement statement(*session);
  row.use(statement);
  statement.exchange(use(number, "number"));
  statement.exchange(use(from, "from"));
  statement.exchange(use(owner, "owner"));
  statement.alloc();
  statement.prepare(std::string("UPDATE run SET ") + RunRow::assignments() +
                    (change.keep_claim ? "" : ", owner = NULL") +
                    " WHERE number = :number AND state = :from AND owner = :owner");
  statement.define_and_bind();
  statement.execute(true);
  if (statement.get_affected_rows() != 1)
    throw Refused{{"the run is no longer " + std::string(state_name(change.from)) + " in this runner's hands",
                   change.run.name(), Retry::no}};
  if (change.from != change.run.state) {
    move_tally(change.from, -1);
    move_tally(change.run.state, 1);
  }
  const auto& documents = change.documents;
  if (documents.signed_action) add_document(number, kSignedAction, *documents.signed_action, false);
  if (documents.signature) add_document(number, kSignature, *documents.signature, true);
  if (documents.action) add_document(number, kAction, *documents.action, false);
  if (change.drop_documents) *session << "DELETE FROM document WHERE run = :run", use(number);
}

Result<void> RunStore::record(std::span<const Change> changes) {
  std::set<RunState> states;
  auto recorded = impl_->transact([&] {
    for (const auto& change : changes) {
      impl_->apply(change);
      if (change.run.wake && !change.keep_claim) states.insert(change.run.state);
    }
  });
  if (recorded) impl_->tell(states);
  return recorded;
}

Result<void> RunStore::bring_forward(Timestamp now) {
  // Longer than any stage's longest pause with its variation.
  constexpr std::chrono::minutes kLongestPause{45};
  return impl_->transact([&] {
    const auto at = count(now);
    const auto limit = count(now + kLongestPause);
    *impl_->session << "UPDATE run SET wake = :now WHERE wake > :limit AND attempts > 0 AND owner IS NULL", use(at),
        use(limit);
  });
}

}  // namespace mig_runner::store

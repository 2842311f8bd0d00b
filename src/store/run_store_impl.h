#pragma once

#include <soci/soci.h>

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>

#include "store/run_store.h"

// Private to the room.
namespace mig_runner::store {

// What stands in document.kind.
enum DocumentKind { kSignedAction = 0, kSignature = 1, kAction = 2 };

inline long long count(Timestamp time) {
  return time.time_since_epoch().count();
}
inline Timestamp time_of(long long count) {
  return Timestamp(std::chrono::milliseconds(count));
}

// States are our own numbers: safe to write into a statement, where a list cannot be bound.
std::string state_list(std::span<const RunState> states);

// Thrown inside a transaction to roll it back.
struct Refused {
  Error error;
};

struct RunStore::Impl {
  // Runs `work` under the mutex and turns what SOCI throws into an Error.
  template <class Work>
  auto guarded(Work&& work) -> Result<decltype(work())> {
    const std::lock_guard lock(mutex);
    try {
      if constexpr (std::is_void_v<decltype(work())>) {
        work();
        return {};
      } else {
        return work();
      }
    } catch (const Refused& refused) {
      return tl::unexpected(refused.error);
    } catch (const soci::soci_error& error) {
      return fail(error.what(), where, Retry::later);
    }
  }

  // The same as one durable transaction.
  template <class Work>
  auto transact(Work&& work) -> Result<decltype(work())> {
    return guarded([&] {
      soci::transaction transaction(*session);
      if constexpr (std::is_void_v<decltype(work())>) {
        work();
        transaction.commit();
      } else {
        auto result = work();
        transaction.commit();
        return result;
      }
    });
  }

  void tell(const std::set<RunState>& states) const {
    if (!listener) return;
    for (const auto state : states) listener(state);
  }

  bool insert(const Run& run, long long& number);
  void apply(const Change& change);
  void add_document(long long run, DocumentKind kind, const std::string& body, bool append);
  void move_tally(RunState state, int by);

  std::string where;
  std::string owner;
  std::function<void(RunState)> listener;
  std::mutex mutex;  // guards session
  std::unique_ptr<soci::session> session;
};

}  // namespace mig_runner::store

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "store/claims.h"
#include "store/group.h"
#include "store/location.h"
#include "store/planning.h"
#include "store/queries.h"
#include "store/run.h"

namespace mig_runner::store {

struct Opened;

// Runs and their history, durable: when a function returns, what it wrote survives a power cut (but for claims, which
// end with the process anyway). SQLite in WAL mode, or PostgreSQL. Safe from any thread (one connection behind a mutex;
// to a server it is made again when it was lost). Errors are Retry::later unless said otherwise; nothing of a failed
// call is kept, except where the connection was lost in the middle of its commit. Once the database shows damage,
// nothing is written any more: every writing call fails until the next open() has checked it. Texts are UTF-8; bytes
// that are not are kept as U+FFFD.
class RunStore : public Planning, public Claims, public Queries {
 public:
  // SQLite: opens or creates the file (parents made, mode 0700; file 0600), brings an older schema up to date in one
  // transaction and refuses a newer one (Retry::no). A damaged database is set aside as PATH.damaged-TIME and a new one
  // begun; Opened says so. The caller holds the tree's lock: claims left by an earlier process are released.
  // PostgreSQL: connects; the schema must be there and have this version (Retry::no). The store is a member
  // of the group that shares the database, with an id of its own in place of `owner` and a lease of that length: what
  // it has claimed belongs to it as long as the lease lives, which a thread renews. `clock`: by which it plans and
  // claims; outlives the store.
  static Result<Opened> open(const Location& location, const std::string& owner, Timestamp now,
                             std::chrono::milliseconds lease = std::chrono::seconds(30),
                             const Clock& clock = system_clock());
  // For a command beside the runner, which may be at work on the database: nothing is made, checked, set aside, brought
  // up to date or released. Retry::no where there is no database or its schema has another version.
  static Result<std::unique_ptr<RunStore>> open_beside(const Location& location, const std::string& owner);
  ~RunStore();

  // For the end of the process: from now on no call waits long for a server that does not answer, or for a lock
  // that another process holds on the file, also none that is under way; and no connection is made anew.
  void begin_shutdown();
  // Ends the membership of a group, with its claims; nothing is called afterwards. For one lease more its jobs and
  // results count as there, as it may be restarting. The destructor does it too.
  void close();

  // The group that shares the database; null if the runner works alone, with SQLite.
  Group* group() { return group_.get(); }
  const Group* group() const { return group_.get(); }
  // The time that all who share the store go by: `now`, or that of the group.
  Result<Timestamp> shared_time(Timestamp now);

  // `condition` is asked before anything is planned, and before a run is claimed or written down to be launched. To be
  // set before other threads know the store.
  void launch_only_if(std::function<Result<void>()> condition);
  // An Error (Retry::no) while nothing may be launched: plan() and claim() of what is due fail with it. By that
  // condition, and with SQLite where the file at its path is not the one that is open: what was launched goes on being
  // written there, but a runner that starts would know nothing of it.
  Result<void> may_launch();

  // Tells of rows, found since the last call, that no store has written and that are left alone: a sentence each,
  // each once.
  std::vector<std::string> take_refused();
  // Whether another process has written since the last call; true the first time.
  Result<bool> written_by_others();

 private:
  explicit RunStore(std::unique_ptr<Database> database);

  std::unique_ptr<Database> database_;
  std::unique_ptr<Group> group_;
};

struct Opened {
  std::unique_ptr<RunStore> store;
  std::string set_aside;  // where a damaged database was moved to, or empty
  std::string damage;     // what was wrong with it
};

}  // namespace mig_runner::store

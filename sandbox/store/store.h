#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "sandbox/base/times.h"
#include "sandbox/store/sqlite.h"

namespace mig_sandbox {

// How many commands of an action are in which state.
struct Counters {
  std::int64_t sent = 0;
  std::int64_t success = 0;
  std::int64_t cancelled = 0;
  std::int64_t expired = 0;
  std::int64_t failed = 0;
  std::int64_t timeout = 0;
  std::int64_t done() const { return success + cancelled + expired + failed + timeout; }
  std::int64_t inflight() const { return sent - done(); }
};

struct ActionRow {
  std::int64_t id = 0;
  std::string name;
  std::string target;
  std::string description;  // JSON text, as the next ones
  std::string threat;
  std::string operations;
  std::string signatures;
  std::string investigators = "[]";  // "[1,2]": those whose signatures are stored
  Micros valid_from = 0;
  Micros expire_after = 0;
  std::string status = "pending";  // pending scheduled preparing invalid inflight completed expired
  Micros start_time = kLongAgo;
  Micros finish_time = kNever;
  Micros last_update_time = kLongAgo;
  Counters counters;
  std::int64_t syntax_version = 2;
  std::string fault;  // what goes wrong with it, as Fault::parse takes it; or empty
};

// A row of the table of signatures, which the server writes after the action, each by itself.
struct SignatureRow {
  std::int64_t action_id = 0;
  std::int64_t investigator_id = 0;
  std::string signature;
};

// Bits of CommandRow::found: operations that found something, operations that found nothing.
inline constexpr std::int64_t kFoundSomething = 1;
inline constexpr std::int64_t kFoundNothing = 2;

struct CommandRow {
  std::int64_t id = 0;
  std::int64_t action_id = 0;
  std::int64_t agent_id = 0;
  std::string status = "sent";  // sent success cancelled expired failed timeout
  Micros start_time = 0;
  Micros finish_time = kNever;
  std::int64_t found = 0;
  std::optional<std::string> results;  // JSON text; nullopt: the simulated fleet makes it when it is asked for
  // When the simulated agent will answer, and how.
  std::optional<Micros> due;
  std::string outcome;
  std::string fault;  // what its answer has instead of results, as Fault::parse takes it; or empty
};

// One POST to action/create/ as the server saw it.
struct PostRecord {
  Micros received = 0;
  std::int64_t action_id = 0;  // 0: nothing was stored
  int status = 0;              // of the answer
  std::string fault;           // what was done to the answer, or empty
};

// Actions, commands and the journal of posts, in one SQLite database: a file or memory. Safe from any thread. Throws
// SqliteError (a full disk, a damaged file).
class Store {
 public:
  // `path` empty: in memory.
  explicit Store(const std::filesystem::path& path);

  // Small facts that outlive a restart.
  std::optional<std::string> fact(const std::string& name);
  void set_fact(const std::string& name, const std::string& value);
  // The highest number that was given to anything.
  std::int64_t highest_id();

  // False: its investigator has signed the action already.
  bool insert_signature(const SignatureRow& signature);
  // A post and the action it made, both or neither.
  void record_post(const PostRecord& post, const ActionRow* action);
  // Another status of the answer to the post that made an action.
  void amend_post(std::int64_t action_id, int status);
  std::vector<PostRecord> posts();

  std::optional<ActionRow> action(std::int64_t id);
  std::optional<CommandRow> command(std::int64_t id);

  // A condition and order for a search, `values` for its ?.
  struct Query {
    std::string where = "1";
    std::vector<std::string> texts;  // as the ? of `where` come
    std::string order;
    std::int64_t limit = 100;
    std::int64_t offset = 0;
    bool has_condition() const { return where != "1"; }
  };
  std::vector<ActionRow> find_actions(const Query& query);
  std::vector<CommandRow> find_commands(const Query& query);

  // For the scheduler.
  void set_action_status(std::int64_t id, const std::string& status, Micros now);
  // The target could not be run: it stays as it is for ever.
  void give_up_action(std::int64_t id);
  std::vector<ActionRow> actions_to_schedule(const std::string& status, Micros now);
  // The agents that have a command of the action.
  std::vector<std::int64_t> agents_of(std::int64_t action_id);
  // Some of an action's commands; with `last` it is in flight.
  void dispatch(std::int64_t action_id, const std::vector<CommandRow>& commands, bool last, Micros now);
  // Simulated answers that have come by now; true when any did.
  bool take_answers(Micros now);
  // Ends the commands without an answer whose action expired by `expired_by`.
  void expire_commands(Micros expired_by, Micros now);
  void complete_actions(Micros now);
  void finish_command(const CommandRow& command, Micros now);
  // Like finish_command, once it is `due`.
  void finish_command_later(const CommandRow& command, Micros due);
  void insert_command(const CommandRow& command);
  std::vector<CommandRow> unanswered_commands(std::int64_t agent_id);
  // When the next simulated answer is due, or `delay` after the next expiry; nullopt: nothing is under way.
  std::optional<Micros> next_event(Micros delay);

  // Gives searches the functions agent_name(ID) and agent_version(ID).
  using NameFunction = std::function<std::string(std::int64_t)>;
  void set_agent_functions(NameFunction name, NameFunction version);

 private:
  void add_counts(std::int64_t action_id, const std::string& status, std::int64_t count, Micros now) REQUIRES(mutex_);

  mig_runner::Mutex mutex_;
  Database database_ GUARDED_BY(mutex_);
  NameFunction agent_name_;
  NameFunction agent_version_;
};

}  // namespace mig_sandbox

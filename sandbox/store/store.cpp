#include "sandbox/store/store.h"

#include <sqlite3.h>

#include "sandbox/base/dice.h"
#include "sandbox/base/like_pattern.h"

namespace mig_sandbox {
namespace {

constexpr const char* kSchema = R"(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS actions(id INTEGER PRIMARY KEY, name TEXT, target TEXT, description TEXT, threat TEXT,
  operations TEXT, pgpsignatures TEXT, validfrom INTEGER, expireafter INTEGER, status TEXT,
  starttime INTEGER, finishtime INTEGER, lastupdatetime INTEGER, sent INTEGER, success INTEGER, cancelled INTEGER,
  expired INTEGER, failed INTEGER, timeout INTEGER, syntaxversion INTEGER, fault TEXT, givenup INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS actions_by_status ON actions(status);
CREATE INDEX IF NOT EXISTS actions_by_time ON actions(validfrom);
CREATE TABLE IF NOT EXISTS signatures(action_id INTEGER, investigator_id INTEGER, pgpsignature TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS signatures_by_action ON signatures(action_id, investigator_id);
CREATE TABLE IF NOT EXISTS commands(id INTEGER PRIMARY KEY, action_id INTEGER, agent_id INTEGER, status TEXT,
  starttime INTEGER, finishtime INTEGER, found INTEGER, results TEXT, due INTEGER, outcome TEXT, fault TEXT);
CREATE INDEX IF NOT EXISTS commands_by_action ON commands(action_id, starttime);
CREATE INDEX IF NOT EXISTS commands_by_due ON commands(due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS posts(received INTEGER, action_id INTEGER, status INTEGER, fault TEXT);
)";

constexpr std::string_view kActionColumns =
    "id, name, target, description, threat, operations, pgpsignatures, validfrom, expireafter, status, starttime, "
    "finishtime, lastupdatetime, sent, success, cancelled, expired, failed, timeout, syntaxversion, fault, "
    "(SELECT json_group_array(DISTINCT investigator_id) FROM signatures WHERE action_id = actions.id)";

constexpr std::string_view kCommandColumns =
    "id, action_id, agent_id, status, starttime, finishtime, found, results, due, outcome, fault";

ActionRow read_action(const Statement& row) {
  ActionRow action;
  action.id = row.integer(0);
  action.name = row.text(1);
  action.target = row.text(2);
  action.description = row.text(3);
  action.threat = row.text(4);
  action.operations = row.text(5);
  action.signatures = row.text(6);
  action.valid_from = row.integer(7);
  action.expire_after = row.integer(8);
  action.status = row.text(9);
  action.start_time = row.integer(10);
  action.finish_time = row.integer(11);
  action.last_update_time = row.integer(12);
  action.counters = {row.integer(13), row.integer(14), row.integer(15),
                     row.integer(16), row.integer(17), row.integer(18)};
  action.syntax_version = row.integer(19);
  action.fault = row.text(20);
  action.investigators = row.text(21);
  return action;
}

CommandRow read_command(const Statement& row) {
  CommandRow command;
  command.id = row.integer(0);
  command.action_id = row.integer(1);
  command.agent_id = row.integer(2);
  command.status = row.text(3);
  command.start_time = row.integer(4);
  command.finish_time = row.integer(5);
  command.found = row.integer(6);
  if (!row.is_null(7)) command.results = row.text(7);
  if (!row.is_null(8)) command.due = row.integer(8);
  command.outcome = row.text(9);
  command.fault = row.text(10);
  return command;
}

template <class Row>
std::vector<Row> read_all(Statement& query, Row (*read)(const Statement&)) {
  std::vector<Row> rows;
  while (query.step()) rows.push_back(read(query));
  return rows;
}

std::string_view text_of(sqlite3_value* value) {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_value_text(value));
  return bytes == nullptr ? std::string_view()
                          : std::string_view(bytes, static_cast<std::size_t>(sqlite3_value_bytes(value)));
}

void match_function(sqlite3_context* context, int, sqlite3_value** values) {
  sqlite3_result_int(context, like(text_of(values[1]), text_of(values[0]), Case::ignored) ? 1 : 0);
}

void shuffle_function(sqlite3_context* context, int, sqlite3_value** values) {
  const auto id = static_cast<std::uint64_t>(sqlite3_value_int64(values[0]));
  const auto salt = static_cast<std::uint64_t>(sqlite3_value_int64(values[1]));
  sqlite3_result_int64(context, static_cast<std::int64_t>(mix(mix(id) ^ salt)));
}

void name_function(sqlite3_context* context, int, sqlite3_value** values) {
  const auto* name = static_cast<const Store::NameFunction*>(sqlite3_user_data(context));
  const std::string text = *name ? (*name)(sqlite3_value_int64(values[0])) : std::string();
  sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void add_function(Database& database, const char* name, int arguments,
                  void (*function)(sqlite3_context*, int, sqlite3_value**), void* data = nullptr) {
  if (sqlite3_create_function(database.get(), name, arguments, SQLITE_UTF8, data, function, nullptr, nullptr) !=
      SQLITE_OK)
    throw SqliteError(sqlite3_errmsg(database.get()));
}

template <class Row>
std::vector<Row> run_query(Database& database, std::string_view columns, std::string_view table,
                           const Store::Query& query, Row (*read)(const Statement&)) {
  auto statement = database.prepare("SELECT " + std::string(columns) + " FROM " + std::string(table) + " WHERE " +
                                    query.where + " ORDER BY " + query.order + " LIMIT ? OFFSET ?");
  for (const auto& text : query.texts) statement.bind(text);
  statement.bind(query.limit).bind(query.offset);
  return read_all(statement, read);
}

void insert(Database& database, const ActionRow& action) {
  const auto& c = action.counters;
  database.prepare("INSERT INTO actions VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0)")
      .bind(action.id)
      .bind(action.name)
      .bind(action.target)
      .bind(action.description)
      .bind(action.threat)
      .bind(action.operations)
      .bind(action.signatures)
      .bind(action.valid_from)
      .bind(action.expire_after)
      .bind(action.status)
      .bind(action.start_time)
      .bind(action.finish_time)
      .bind(action.last_update_time)
      .bind(c.sent)
      .bind(c.success)
      .bind(c.cancelled)
      .bind(c.expired)
      .bind(c.failed)
      .bind(c.timeout)
      .bind(action.syntax_version)
      .bind(action.fault)
      .run();
}

}  // namespace

Store::Store(const std::filesystem::path& path) : database_(path.empty() ? ":memory:" : path.string()) {
  sqlite3_busy_timeout(database_.get(), 5000);
  database_.run(kSchema);
  add_function(database_, "match", 2, match_function);
  add_function(database_, "shuffle", 2, shuffle_function);
  add_function(database_, "agent_name", 1, name_function, &agent_name_);
  add_function(database_, "agent_version", 1, name_function, &agent_version_);
}

void Store::set_agent_functions(NameFunction name, NameFunction version) {
  const mig_runner::MutexLock lock(mutex_);
  agent_name_ = std::move(name);
  agent_version_ = std::move(version);
}

std::optional<std::string> Store::fact(const std::string& name) {
  const mig_runner::MutexLock lock(mutex_);
  auto query = database_.prepare("SELECT value FROM facts WHERE name = ?");
  query.bind(name);
  if (!query.step()) return std::nullopt;
  return query.text(0);
}

void Store::set_fact(const std::string& name, const std::string& value) {
  const mig_runner::MutexLock lock(mutex_);
  database_.prepare("INSERT OR REPLACE INTO facts VALUES(?, ?)").bind(name).bind(value).run();
}

std::int64_t Store::highest_id() {
  const mig_runner::MutexLock lock(mutex_);
  auto query = database_.prepare(
      "SELECT max(coalesce((SELECT max(id) FROM actions), 0), coalesce((SELECT max(id) FROM commands), 0))");
  return query.step() ? query.integer(0) : 0;
}

bool Store::insert_signature(const SignatureRow& signature) {
  const mig_runner::MutexLock lock(mutex_);
  database_.prepare("INSERT OR IGNORE INTO signatures VALUES(?, ?, ?)")
      .bind(signature.action_id)
      .bind(signature.investigator_id)
      .bind(signature.signature)
      .run();
  return database_.changes() == 1;
}

void Store::amend_post(std::int64_t action_id, int status) {
  const mig_runner::MutexLock lock(mutex_);
  database_.prepare("UPDATE posts SET status = ? WHERE action_id = ?").bind(status).bind(action_id).run();
}

void Store::record_post(const PostRecord& post, const ActionRow* action) {
  const mig_runner::MutexLock lock(mutex_);
  Transaction transaction(database_);
  if (action != nullptr) insert(database_, *action);
  database_.prepare("INSERT INTO posts VALUES(?, ?, ?, ?)")
      .bind(post.received)
      .bind(post.action_id)
      .bind(post.status)
      .bind(post.fault)
      .run();
  transaction.commit();
}

std::vector<PostRecord> Store::posts() {
  const mig_runner::MutexLock lock(mutex_);
  auto query = database_.prepare("SELECT received, action_id, status, fault FROM posts ORDER BY rowid");
  std::vector<PostRecord> posts;
  while (query.step())
    posts.push_back({query.integer(0), query.integer(1), static_cast<int>(query.integer(2)), query.text(3)});
  return posts;
}

std::optional<ActionRow> Store::action(std::int64_t id) {
  auto rows = find_actions({"id = ?", {std::to_string(id)}, "id", 1, 0});
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

std::optional<CommandRow> Store::command(std::int64_t id) {
  auto rows = find_commands({"id = ?", {std::to_string(id)}, "id", 1, 0});
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

std::vector<ActionRow> Store::find_actions(const Query& query) {
  const mig_runner::MutexLock lock(mutex_);
  return run_query<ActionRow>(database_, kActionColumns, "actions", query, read_action);
}

std::vector<CommandRow> Store::find_commands(const Query& query) {
  const mig_runner::MutexLock lock(mutex_);
  return run_query<CommandRow>(database_, kCommandColumns, "commands", query, read_command);
}

}  // namespace mig_sandbox

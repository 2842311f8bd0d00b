#include "store/sql/schema.h"

#include <algorithm>
#include <string>
#include <vector>

#include "store/sql/run_row.h"
#include "store/sql/sql_text.h"

namespace mig_runner::store {
namespace {

using Step = std::vector<std::string>;

// Times are milliseconds since 1970, UTC. Job names stand in `jobs` alone, so that a run costs the same whatever its
// job is called. Indexes that hold only the few rows they are asked for cost a finished run nothing.
Step first_version(const Dialect& dialect) {
  return {
      sql("CREATE TABLE jobs (number {key}, name text NOT NULL UNIQUE, planned_through bigint)",
          {{"key", dialect.key_column}}),

      // state: the number of a RunState. owner: who has claimed the run, NULL while nobody has.
      sql(R"(CREATE TABLE runs (
  number {key},
  job bigint NOT NULL,
  nominal bigint NOT NULL,
  state smallint NOT NULL,
  owner text,
  wake bigint,
  deadline bigint,
  attempts integer NOT NULL,
  failures integer NOT NULL,
  reason text NOT NULL,
  plugin text NOT NULL,
  action_id bigint NOT NULL,
  valid_from bigint,
  expire_after bigint,
  posted_at bigint,
  stored_at bigint,
  delivered_at bigint,
  result_file text NOT NULL,
  commands bigint NOT NULL,
  expected bigint NOT NULL,
  complete smallint NOT NULL,
  recollections integer NOT NULL,
  UNIQUE (job, nominal)
))",
          {{"key", dialect.key_column}}),
      "CREATE INDEX runs_ready ON runs (state, wake, nominal) WHERE wake IS NOT NULL AND owner IS NULL",
      "CREATE INDEX runs_claimed ON runs (owner) WHERE owner IS NOT NULL",
      "CREATE INDEX runs_unfinished ON runs (job) WHERE state <= 3",
      "CREATE INDEX runs_with_result ON runs (job, nominal) WHERE result_file <> ''",
      "CREATE INDEX runs_nominal ON runs (nominal)",
      "CREATE INDEX runs_action ON runs (action_id) WHERE action_id <> 0",
      "CREATE INDEX runs_posted ON runs (posted_at) WHERE posted_at IS NOT NULL",

      // kind: the number of a DocumentKind.
      R"(CREATE TABLE documents (
  run bigint NOT NULL,
  kind smallint NOT NULL,
  place integer NOT NULL,
  content text NOT NULL,
  PRIMARY KEY (run, kind, place)
))",

      // How many runs are in each state, kept in the transactions that change them: counting a million takes too long.
      // A row for each owner, so that several need not wait for each other; only their sum means something.
      R"(CREATE TABLE tally (
  owner text NOT NULL,
  state smallint NOT NULL,
  runs bigint NOT NULL,
  PRIMARY KEY (owner, state)
))",
  };
}

// The numbers are those of the states in {failed}, of sql_text.cpp.
Step second_version() {
  return {
      "ALTER TABLE jobs ADD COLUMN paused_since bigint",
      "CREATE INDEX runs_failed ON runs (nominal) WHERE state IN (7, 8, 10, 11, 12)",
  };
}

// For a group.
Step third_version(const Dialect& dialect) {
  Step step{"CREATE INDEX jobs_paused ON jobs (name) WHERE paused_since IS NOT NULL",
            // The newest run, of any job, when the job was paused.
            "ALTER TABLE jobs ADD COLUMN paused_at_run bigint",
            "UPDATE jobs SET paused_at_run = (SELECT max(number) FROM runs) WHERE paused_since IS NOT NULL",
            // Those that are over.
            "CREATE TABLE pauses (job bigint NOT NULL, since bigint NOT NULL, until bigint NOT NULL, PRIMARY KEY (job, "
            "until))",
            "CREATE INDEX pauses_until ON pauses (until)"};
  if (!dialect.server) return step;
  const Step of_group{
      // What tells connections that another has written, which SQLite has built in.
      "CREATE SEQUENCE changes", "SELECT nextval('changes')",
      // Who works on the runs. lease_until: by the database's clock. clock_ahead: the member's, in milliseconds.
      // jobs_told: member_jobs has its jobs. has_left: it ended by itself, and is remembered until its lease ends.
      R"(CREATE TABLE members (
  id text PRIMARY KEY,
  host text NOT NULL,
  process integer NOT NULL,
  tree text NOT NULL,
  started bigint NOT NULL,
  lease_until timestamptz NOT NULL,
  clock_ahead bigint NOT NULL,
  jobs_told boolean NOT NULL DEFAULT false,
  has_left boolean NOT NULL DEFAULT false
))",
      // Which jobs each member has, by the hash of their files; and which a run was planned for, empty where by hand.
      R"(CREATE TABLE member_jobs (
  member text NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  job bigint NOT NULL,
  hash text NOT NULL,
  PRIMARY KEY (job, member)
))",
      "CREATE INDEX member_jobs_member ON member_jobs (member)",
      "ALTER TABLE runs ADD COLUMN job_hash text NOT NULL DEFAULT ''"};
  step.insert(step.end(), of_group.begin(), of_group.end());
  return step;
}

// The form of the job that planned_through counts for: store::Cursor.
Step fourth_version() {
  return {"ALTER TABLE jobs ADD COLUMN timetable text NOT NULL DEFAULT ''"};
}

// The columns of a run that came with a version: `since` in kRunColumns.
Step new_columns(int version) {
  Step step;
  for (const auto& column : kRunColumns) {
    if (column.since != version || version == 1) continue;
    const auto* const type = column.is_text()   ? " text NOT NULL DEFAULT ''"
                             : column.is_time() ? " bigint"
                                                : " bigint NOT NULL DEFAULT 0";
    step.push_back("ALTER TABLE runs ADD COLUMN " + std::string(column.name) + type);
  }
  return step;
}

// The step at index N brings version N to version N + 1. Steps that were released stay as they are.
std::vector<Step> steps(const Dialect& dialect) {
  std::vector<Step> all{first_version(dialect), second_version(), third_version(dialect), fourth_version()};
  for (const auto& column : kRunColumns) all.resize(std::max(all.size(), static_cast<std::size_t>(column.since)));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto columns = new_columns(static_cast<int>(i + 1));
    all[i].insert(all[i].begin(), columns.begin(), columns.end());
  }
  return all;
}

Error other_version(int found, const Dialect& dialect) {
  return {"its schema has version " + std::to_string(found) + " and this mig-runner knows versions up to " +
              std::to_string(schema_version()) + ": run the newer mig-runner that wrote it, or " +
              (dialect.server ? "name another database" : "move the file away"),
          {},
          Retry::no};
}

// Names and texts are any of Unicode's.
Result<void> require_unicode(soci::session& session, const Dialect& dialect) {
  if (!dialect.server) return {};
  std::string encoding;
  session << "SHOW server_encoding", soci::into(encoding);
  if (encoding == "UTF8") return {};
  return fail("its encoding is " + encoding + ": make one with CREATE DATABASE .. ENCODING 'UTF8' TEMPLATE template0");
}

}  // namespace

int schema_version() {
  return static_cast<int>(steps(kSqlite).size());
}

int found_version(soci::session& session, const Dialect& dialect) {
  int tables = 0;
  session << (dialect.server ? "SELECT count(to_regclass('schema_version'))"
                             : "SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'"),
      soci::into(tables);
  int version = 0;
  if (tables != 0) session << "SELECT version FROM schema_version", soci::into(version);
  return version;
}

Result<void> migrate(soci::session& session, const Dialect& dialect) {
  if (auto unicode = require_unicode(session, dialect); !unicode) return unicode;
  if (dialect.server) session << "SELECT pg_advisory_xact_lock(hashtext('mig-runner schema'))";  // one at a time
  session << "CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)";
  int version = 0;
  session << "SELECT version FROM schema_version", soci::into(version);
  const bool fresh = !session.got_data();
  if (version > schema_version()) return tl::unexpected(other_version(version, dialect));
  if (version == schema_version()) return {};
  const auto all = steps(dialect);
  for (auto step = static_cast<std::size_t>(version); step < all.size(); ++step)
    for (const auto& statement : all[step]) session << statement;
  version = schema_version();
  if (fresh) {
    session << "INSERT INTO schema_version (version) VALUES (:version)", soci::use(version, "version");
  } else {
    session << "UPDATE schema_version SET version = :version", soci::use(version, "version");
  }
  return {};
}

Result<void> require_current(soci::session& session, const Dialect& dialect) {
  if (auto unicode = require_unicode(session, dialect); !unicode) return unicode;
  const int version = found_version(session, dialect);
  if (version > schema_version()) return tl::unexpected(other_version(version, dialect));
  if (version == schema_version()) return {};
  if (version == 0) return fail("there is no record of runs in it yet: `mig-runner store init` makes one");
  return fail("its schema has version " + std::to_string(version) + " and this mig-runner needs version " +
              std::to_string(schema_version()) +
              (dialect.server ? ": stop all runners and call `mig-runner store migrate`"
                              : ": start the runner, which brings it up to date"));
}

void name_every_column(soci::session& session, const Dialect& dialect) {
  std::vector<std::string> statements{
      "SELECT " + RunRow::selected() + ", owner FROM runs WHERE number = 0",
      "SELECT number, name, planned_through, timetable, paused_since, paused_at_run FROM jobs WHERE number = 0",
      "SELECT job, since, until FROM pauses WHERE job = 0",
      "SELECT run, kind, place, content FROM documents WHERE run = 0",
      "SELECT owner, state, runs FROM tally WHERE state = -1",
  };
  if (!dialect.server) {
    for (const auto& statement : statements) session << statement;
    return;
  }
  statements.insert(
      statements.end(),
      {"SELECT job_hash FROM runs WHERE number = 0",
       "SELECT id, host, process, tree, started, lease_until, clock_ahead, jobs_told, has_left FROM members"
       " WHERE id = ''",
       "SELECT member, job, hash FROM member_jobs WHERE job = 0", "SELECT last_value FROM changes"});
  std::string all;  // in one message
  for (const auto& statement : statements) all += statement + ';';
  session << all;
}

}  // namespace mig_runner::store

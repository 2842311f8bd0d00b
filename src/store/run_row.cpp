#include "store/run_row.h"

namespace mig_runner::store {
namespace {

using soci::use;

long long count(Timestamp time) {
  return time.time_since_epoch().count();
}

}  // namespace

void RunRow::Time::set(const std::optional<Timestamp>& time) {
  value = time ? count(*time) : 0;
  indicator = time ? soci::i_ok : soci::i_null;
}

std::optional<Timestamp> RunRow::Time::get() const {
  if (indicator == soci::i_null) return std::nullopt;
  return Timestamp(std::chrono::milliseconds(value));
}

RunRow::RunRow(const Run& run)
    : number_(run.number),
      nominal_(count(run.nominal)),
      action_id_(run.action_id),
      commands_(run.commands),
      expected_(run.expected),
      job_(run.job),
      reason_(run.reason),
      plugin_(run.plugin),
      result_file_(run.result_file),
      state_(static_cast<int>(run.state)),
      attempts_(run.attempts),
      failures_(run.failures),
      complete_(run.complete ? 1 : 0),
      recollections_(run.recollections) {
  wake_.set(run.wake);
  deadline_.set(run.deadline);
  valid_from_.set(run.valid_from);
  expire_after_.set(run.expire_after);
  posted_at_.set(run.posted_at);
  stored_at_.set(run.stored_at);
  delivered_at_.set(run.delivered_at);
}

const char* RunRow::columns() {
  return "number, job, nominal, state, wake, deadline, attempts, failures, reason, plugin, action_id, valid_from,"
         " expire_after, posted_at, stored_at, delivered_at, result_file, commands, expected, complete, recollections";
}

const char* RunRow::insert() {
  return "(job, nominal, state, wake, deadline, attempts, failures, reason, plugin, action_id, valid_from,"
         " expire_after, posted_at, stored_at, delivered_at, result_file, commands, expected, complete, recollections)"
         " VALUES (:job, :nominal, :state, :wake, :deadline, :attempts, :failures, :reason, :plugin, :action_id,"
         " :valid_from, :expire_after, :posted_at, :stored_at, :delivered_at, :result_file, :commands, :expected,"
         " :complete, :recollections)";
}

const char* RunRow::assignments() {
  return "job = :job, nominal = :nominal, state = :state, wake = :wake, deadline = :deadline, attempts = :attempts,"
         " failures = :failures, reason = :reason, plugin = :plugin, action_id = :action_id, valid_from = :valid_from,"
         " expire_after = :expire_after, posted_at = :posted_at, stored_at = :stored_at, delivered_at = :delivered_at,"
         " result_file = :result_file, commands = :commands, expected = :expected, complete = :complete,"
         " recollections = :recollections";
}

void RunRow::into(soci::statement& statement) {
  using soci::into;
  const auto time = [&](Time& column) { statement.exchange(into(column.value, column.indicator)); };
  statement.exchange(into(number_));
  statement.exchange(into(job_));
  statement.exchange(into(nominal_));
  statement.exchange(into(state_));
  time(wake_);
  time(deadline_);
  statement.exchange(into(attempts_));
  statement.exchange(into(failures_));
  statement.exchange(into(reason_));
  statement.exchange(into(plugin_));
  statement.exchange(into(action_id_));
  time(valid_from_);
  time(expire_after_);
  time(posted_at_);
  time(stored_at_);
  time(delivered_at_);
  statement.exchange(into(result_file_));
  statement.exchange(into(commands_));
  statement.exchange(into(expected_));
  statement.exchange(into(complete_));
  statement.exchange(into(recollections_));
}

void RunRow::use(soci::statement& statement) {
  const auto time = [&](Time& column, const char* name) {
    statement.exchange(soci::use(column.value, column.indicator, name));
  };
  statement.exchange(soci::use(job_, "job"));
  statement.exchange(soci::use(nominal_, "nominal"));
  statement.exchange(soci::use(state_, "state"));
  time(wake_, "wake");
  time(deadline_, "deadline");
  statement.exchange(soci::use(attempts_, "attempts"));
  statement.exchange(soci::use(failures_, "failures"));
  statement.exchange(soci::use(reason_, "reason"));
  statement.exchange(soci::use(plugin_, "plugin"));
  statement.exchange(soci::use(action_id_, "action_id"));
  time(valid_from_, "valid_from");
  time(expire_after_, "expire_after");
  time(posted_at_, "posted_at");
  time(stored_at_, "stored_at");
  time(delivered_at_, "delivered_at");
  statement.exchange(soci::use(result_file_, "result_file"));
  statement.exchange(soci::use(commands_, "commands"));
  statement.exchange(soci::use(expected_, "expected"));
  statement.exchange(soci::use(complete_, "complete"));
  statement.exchange(soci::use(recollections_, "recollections"));
}

Run RunRow::run() const {
  Run run;
  run.number = number_;
  run.job = job_;
  run.nominal = Timestamp(std::chrono::milliseconds(nominal_));
  run.state = static_cast<RunState>(state_);
  run.wake = wake_.get();
  run.deadline = deadline_.get();
  run.attempts = attempts_;
  run.failures = failures_;
  run.reason = reason_;
  run.plugin = plugin_;
  run.action_id = action_id_;
  run.valid_from = valid_from_.get();
  run.expire_after = expire_after_.get();
  run.posted_at = posted_at_.get();
  run.stored_at = stored_at_.get();
  run.delivered_at = delivered_at_.get();
  run.result_file = result_file_;
  run.commands = commands_;
  run.expected = expected_;
  run.complete = complete_ != 0;
  run.recollections = recollections_;
  return run;
}

}  // namespace mig_runner::store

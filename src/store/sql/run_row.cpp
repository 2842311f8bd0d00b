#include "store/sql/run_row.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/names.h"
#include "store/sql/clean_text.h"

namespace mig_runner::store {
namespace {

struct Column {
  const char* name;
  const char* type;
};
// What changes in the life of a run, in the order of RunRow::read_from() and RunRow::bind_values().
constexpr std::array kColumns{
    Column{"state", "bigint"},        Column{"wake", "bigint"},       Column{"deadline", "bigint"},
    Column{"attempts", "bigint"},     Column{"failures", "bigint"},   Column{"reason", "text"},
    Column{"plugin", "text"},         Column{"action_id", "bigint"},  Column{"valid_from", "bigint"},
    Column{"expire_after", "bigint"}, Column{"posted_at", "bigint"},  Column{"stored_at", "bigint"},
    Column{"delivered_at", "bigint"}, Column{"result_file", "text"},  Column{"commands", "bigint"},
    Column{"expected", "bigint"},     Column{"complete", "bigint"},   Column{"recollections", "bigint"},
    Column{"launched_by", "text"},    Column{"collected_by", "text"}, Column{"delivered_by", "text"}};

template <class Item>
std::string joined(std::string text, Item item) {
  for (const auto& column : kColumns) {
    if (!text.empty()) text += ", ";
    text += item(column);
  }
  return text;
}

std::string name_of(const Column& column) {
  return column.name;
}

// The years that times can be written in.
constexpr long long kEarliest = -2'208'988'800'000;
constexpr long long kLatest = 253'402'300'799'999;
constexpr long long kMost = 1'000'000'000;
constexpr long long kMostCommands = 1'000'000'000'000;

bool is_within(long long value, long long least, long long most) {
  return value >= least && value <= most;
}

}  // namespace

bool is_state(long long number) {
  return is_within(number, 0, static_cast<long long>(RunState::undeliverable));
}

RunState to_state(long long number) {
  if (!is_state(number)) throw std::range_error("there is no state " + std::to_string(number));
  return static_cast<RunState>(number);
}

const std::string& RunRow::selected() {
  static const std::string text =
      joined("number, (SELECT jobs.name FROM jobs WHERE jobs.number = runs.job) AS job_name, nominal", name_of);
  return text;
}

const std::string& RunRow::inserted() {
  static const std::string text = joined("job, nominal", name_of);
  return text;
}

std::string RunRow::inserted_values(const std::string& suffix) {
  return joined("(SELECT jobs.number FROM jobs WHERE jobs.name = :job" + suffix + "), :nominal" + suffix,
                [&](const Column& column) { return ':' + name_of(column) + suffix; });
}

const std::string& RunRow::updated() {
  static const std::string text = joined("number", name_of);
  return text;
}

std::string RunRow::updated_values(const std::string& suffix) {
  return joined("CAST(:number" + suffix + " AS bigint)",
                [&](const Column& column) { return "CAST(:" + name_of(column) + suffix + " AS " + column.type + ')'; });
}

std::string RunRow::assignments(const std::string& before, const std::string& behind) {
  return joined("", [&](const Column& column) { return name_of(column) + " = " + before + column.name + behind; });
}

void RunRow::Time::set(std::optional<Timestamp> time) {
  indicator = time ? soci::i_ok : soci::i_null;
  value = time ? time->time_since_epoch().count() : 0;
}

std::optional<Timestamp> RunRow::Time::get() const {
  if (indicator != soci::i_ok) return std::nullopt;
  return Timestamp(std::chrono::milliseconds(value));
}

void RunRow::read_from(soci::statement& statement) {
  const auto into = [&](auto& value) { statement.exchange(soci::into(value)); };
  const auto into_time = [&](Time& time) { statement.exchange(soci::into(time.value, time.indicator)); };
  into(number_);
  statement.exchange(soci::into(job_, job_indicator_));
  into(nominal_);
  into(state_);
  into_time(wake_);
  into_time(deadline_);
  into(attempts_);
  into(failures_);
  into(reason_);
  into(plugin_);
  into(action_id_);
  into_time(valid_from_);
  into_time(expire_after_);
  into_time(posted_at_);
  into_time(stored_at_);
  into_time(delivered_at_);
  into(result_file_);
  into(commands_);
  into(expected_);
  into(complete_);
  into(recollections_);
  into(launched_by_);
  into(collected_by_);
  into(delivered_by_);
}

void RunRow::bind_insert(soci::statement& statement, const std::string& suffix) {
  statement.exchange(soci::use(job_, "job" + suffix));
  statement.exchange(soci::use(nominal_, "nominal" + suffix));
  bind_values(statement, suffix);
}

void RunRow::bind_update(soci::statement& statement, const std::string& suffix) {
  statement.exchange(soci::use(number_, "number" + suffix));
  bind_values(statement, suffix);
}

void RunRow::bind_values(soci::statement& statement, const std::string& suffix) {
  const auto use = [&](auto& value, const char* name) { statement.exchange(soci::use(value, name + suffix)); };
  const auto use_time = [&](Time& time, const char* name) {
    statement.exchange(soci::use(time.value, time.indicator, name + suffix));
  };
  use(state_, "state");
  use_time(wake_, "wake");
  use_time(deadline_, "deadline");
  use(attempts_, "attempts");
  use(failures_, "failures");
  use(reason_, "reason");
  use(plugin_, "plugin");
  use(action_id_, "action_id");
  use_time(valid_from_, "valid_from");
  use_time(expire_after_, "expire_after");
  use_time(posted_at_, "posted_at");
  use_time(stored_at_, "stored_at");
  use_time(delivered_at_, "delivered_at");
  use(result_file_, "result_file");
  use(commands_, "commands");
  use(expected_, "expected");
  use(complete_, "complete");
  use(recollections_, "recollections");
  use(launched_by_, "launched_by");
  use(collected_by_, "collected_by");
  use(delivered_by_, "delivered_by");
}

void RunRow::set(const Run& run) {
  number_ = run.number;
  job_ = clean_text(run.job);
  nominal_ = run.nominal.time_since_epoch().count();
  state_ = static_cast<int>(run.state);
  wake_.set(run.wake);
  deadline_.set(run.deadline);
  attempts_ = run.attempts;
  failures_ = run.failures;
  reason_ = clean_text(run.reason);
  plugin_ = clean_text(run.plugin);
  action_id_ = run.action_id;
  valid_from_.set(run.valid_from);
  expire_after_.set(run.expire_after);
  posted_at_.set(run.posted_at);
  stored_at_.set(run.stored_at);
  delivered_at_.set(run.delivered_at);
  result_file_ = clean_text(run.result_file);
  commands_ = run.commands;
  expected_ = run.expected;
  complete_ = run.complete ? 1 : 0;
  recollections_ = run.recollections;
  launched_by_ = clean_text(run.launched_by);
  collected_by_ = clean_text(run.collected_by);
  delivered_by_ = clean_text(run.delivered_by);
}

std::string RunRow::problem() const {
  if (job_indicator_ != soci::i_ok) return "its job is not there";
  if (auto problem = job_name_problem(job_); !problem.empty()) return problem;
  if (!is_state(state_)) return "there is no state " + std::to_string(state_);
  const std::array all_times{&wake_,      &deadline_,  &valid_from_,  &expire_after_,
                             &posted_at_, &stored_at_, &delivered_at_};
  const bool times =
      is_within(nominal_, kEarliest, kLatest) && std::all_of(all_times.begin(), all_times.end(), [](const Time* time) {
        return time->indicator != soci::i_ok || is_within(time->value, kEarliest, kLatest);
      });
  if (!times) return "one of its times lies outside of the years 1900 to 9999";
  const bool numbers = is_within(attempts_, 0, kMost) && is_within(failures_, 0, kMost) &&
                       is_within(recollections_, -kMost, kMost) && is_within(commands_, 0, kMostCommands) &&
                       is_within(expected_, 0, kMostCommands) && action_id_ >= 0;
  return numbers ? "" : "one of its numbers is out of range";
}

std::string RunRow::text() const {
  return "run " + std::to_string(number_) + " of the job \"" + job_ + "\"";
}

Run RunRow::run() const {
  Run run;
  run.number = number_;
  run.job = job_;
  run.nominal = Timestamp(std::chrono::milliseconds(nominal_));
  run.state = to_state(state_);
  run.wake = wake_.get();
  run.deadline = deadline_.get();
  run.attempts = static_cast<int>(attempts_);
  run.failures = static_cast<int>(failures_);
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
  run.recollections = static_cast<int>(recollections_);
  run.launched_by = launched_by_;
  run.collected_by = collected_by_;
  run.delivered_by = delivered_by_;
  return run;
}

}  // namespace mig_runner::store

#include "store/sql/run_row.h"

#include <stdexcept>
#include <variant>

#include "base/names.h"
#include "store/sql/clean_text.h"

namespace mig_runner::store {
namespace {

template <class Item>
std::string joined(std::string text, Item item) {
  for (const auto& column : kRunColumns) {
    if (!text.empty()) text += ", ";
    text += item(column);
  }
  return text;
}

std::string name_of(const RunColumn& column) {
  return std::string(column.name);
}

// The years that times can be written in.
constexpr long long kEarliest = -2'208'988'800'000;
constexpr long long kLatest = 253'402'300'799'999;

bool is_within(long long value, long long least, long long most) {
  return value >= least && value <= most;
}

long long milliseconds_of(Timestamp time) {
  return time.time_since_epoch().count();
}

Timestamp time_of(long long milliseconds) {
  return Timestamp(std::chrono::milliseconds(milliseconds));
}

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

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
                [&](const RunColumn& column) { return ':' + name_of(column) + suffix; });
}

const std::string& RunRow::updated() {
  static const std::string text = joined("number", name_of);
  return text;
}

std::string RunRow::updated_values(const std::string& suffix) {
  return joined("CAST(:number" + suffix + " AS bigint)", [&](const RunColumn& column) {
    return "CAST(:" + name_of(column) + suffix + " AS " + (column.is_text() ? "text" : "bigint") + ')';
  });
}

std::string RunRow::assignments(const std::string& before, const std::string& behind) {
  return joined("",
                [&](const RunColumn& column) { return name_of(column) + " = " + before + name_of(column) + behind; });
}

void RunRow::read_from(soci::statement& statement) {
  statement.exchange(soci::into(number_));
  statement.exchange(soci::into(job_, job_indicator_));
  statement.exchange(soci::into(nominal_));
  for (std::size_t i = 0; i < kRunColumns.size(); ++i) {
    auto& cell = cells_[i];
    if (kRunColumns[i].is_text()) {
      statement.exchange(soci::into(cell.text));
    } else if (kRunColumns[i].is_time()) {
      statement.exchange(soci::into(cell.number, cell.indicator));
    } else {
      statement.exchange(soci::into(cell.number));
    }
  }
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
  for (std::size_t i = 0; i < kRunColumns.size(); ++i) {
    auto& cell = cells_[i];
    const auto name = name_of(kRunColumns[i]) + suffix;
    if (kRunColumns[i].is_text()) {
      statement.exchange(soci::use(cell.text, name));
    } else {
      statement.exchange(soci::use(cell.number, cell.indicator, name));
    }
  }
}

void RunRow::set(const Run& run) {
  number_ = run.number;
  job_ = clean_text(run.job);
  nominal_ = milliseconds_of(run.nominal);
  for (std::size_t i = 0; i < kRunColumns.size(); ++i) {
    auto& cell = cells_[i];
    std::visit(Overloaded{[&](RunState Run::*field) { cell.number = static_cast<int>(run.*field); },
                          [&](std::string Run::*field) { cell.text = clean_text(run.*field); },
                          [&](std::optional<Timestamp> Run::*field) {
                            const auto& time = run.*field;
                            cell.number = time ? milliseconds_of(*time) : 0;
                            cell.indicator = time ? soci::i_ok : soci::i_null;
                          },
                          [&](auto Run::*field) { cell.number = run.*field; }},
               kRunColumns[i].field);
  }
}

std::string RunRow::problem() const {
  if (job_indicator_ != soci::i_ok) return "its job is not there";
  if (auto problem = job_name_problem(job_); !problem.empty()) return problem;
  bool times = is_within(nominal_, kEarliest, kLatest);
  bool numbers = true;
  for (std::size_t i = 0; i < kRunColumns.size(); ++i) {
    const auto& column = kRunColumns[i];
    const auto number = cells_[i].number;
    if (std::holds_alternative<RunState Run::*>(column.field)) {
      if (!is_state(number)) return "there is no state " + std::to_string(number);
    } else if (column.is_time()) {
      times = times && (cells_[i].indicator != soci::i_ok || is_within(number, kEarliest, kLatest));
    } else if (!column.is_text()) {
      numbers = numbers && is_within(number, column.least, column.most);
    }
  }
  if (!times) return "one of its times lies outside of the years 1900 to 9999";
  return numbers ? "" : "one of its numbers is out of range";
}

std::string RunRow::text() const {
  return "run " + std::to_string(number_) + " of the job \"" + job_ + "\"";
}

Run RunRow::run() const {
  Run run;
  run.number = number_;
  run.job = job_;
  run.nominal = time_of(nominal_);
  for (std::size_t i = 0; i < kRunColumns.size(); ++i) {
    const auto& cell = cells_[i];
    std::visit(Overloaded{[&](RunState Run::*field) { run.*field = to_state(cell.number); },
                          [&](std::string Run::*field) { run.*field = cell.text; },
                          [&](bool Run::*field) { run.*field = cell.number != 0; },
                          [&](int Run::*field) { run.*field = static_cast<int>(cell.number); },
                          [&](std::int64_t Run::*field) { run.*field = cell.number; },
                          [&](std::optional<Timestamp> Run::*field) {
                            run.*field =
                                cell.indicator == soci::i_ok ? std::optional(time_of(cell.number)) : std::nullopt;
                          }},
               kRunColumns[i].field);
  }
  return run;
}

}  // namespace mig_runner::store

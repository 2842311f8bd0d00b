#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "store/run.h"

namespace mig_runner::store {

// A name and the text that stands for it.
using SqlPart = std::pair<std::string_view, std::string_view>;

// Statements stand in the source as whole texts. In them a name in braces stands for one of `parts`, or for one of
// these, known to all:
//   {due}, {signed}, {collect_failed} ..   the number of the state, named: "0 /* due */"
//   {run_columns}                          what RunRow::read_from() reads, of `runs`
//   {of_job}                               the condition that a run is of the job :job
//   {settled}                              the condition that a run has a result file that nothing waits for
//   {failed}                               the condition that a run ended without results that somebody has
// The result can be pasted into psql or sqlite3. Throws std::logic_error where a name is not known.
std::string sql(std::string_view text, std::initializer_list<SqlPart> parts = {});

// "0 /* due */, 3 /* posted */".
std::string state_list(std::span<const RunState> states);

// "ITEM0, ITEM1, ..", so many, where "#" stands for the number in `item`.
std::string repeated(std::string_view item, std::size_t count);

}  // namespace mig_runner::store

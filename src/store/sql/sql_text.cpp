#include "store/sql/sql_text.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "store/sql/run_row.h"

namespace mig_runner::store {
namespace {

std::string state_text(RunState state) {
  return std::to_string(static_cast<int>(state)) + " /* " + std::string(state_name(state)) + " */";
}

std::string expanded(std::string_view text, std::initializer_list<SqlPart> parts,
                     const std::map<std::string, std::string, std::less<>>& known) {
  std::string all;
  for (;;) {
    const auto begin = text.find('{');
    all += text.substr(0, begin);
    if (begin == std::string_view::npos) return all;
    const auto end = text.find('}', begin);
    const auto name = text.substr(begin + 1, end - begin - 1);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto* const part =
        std::find_if(parts.begin(), parts.end(), [&](const SqlPart& each) { return each.first == name; });
    if (part != parts.end()) {
      all += part->second;
    } else if (const auto found = known.find(name); found != known.end()) {
      all += found->second;
    } else {
      throw std::logic_error("SQL names {" + std::string(name) + "}, which stands for nothing");
    }
  }
}

std::map<std::string, std::string, std::less<>> make_known() {
  std::map<std::string, std::string, std::less<>> known;
  for (int number = 0; is_state(number); ++number) {
    std::string name(state_name(to_state(number)));
    std::replace(name.begin(), name.end(), ' ', '_');
    known[name] = state_text(to_state(number));
  }
  known["run_columns"] = RunRow::selected();
  known["of_job"] = "job = (SELECT jobs.number FROM jobs WHERE jobs.name = :job)";
  known["settled"] =
      expanded("result_file <> '' AND (state = {delivered} OR (state = {stored} AND wake IS NULL))", {}, known);
  // The condition of the index runs_failed.
  known["failed"] = expanded("state IN ({refused}, {missed}, {invalid}, {collect_failed}, {undeliverable})", {}, known);
  return known;
}

}  // namespace

std::string sql(std::string_view text, std::initializer_list<SqlPart> parts) {
  static const auto known = make_known();
  return expanded(text, parts, known);
}

std::string state_list(std::span<const RunState> states) {
  std::string list;
  for (const auto state : states) list.append(list.empty() ? "" : ", ").append(state_text(state));
  return list;
}

std::string repeated(std::string_view item, std::size_t count) {
  std::string list;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) list += ", ";
    for (const char c : item) {
      if (c == '#') {
        list += std::to_string(i);
      } else {
        list += c;
      }
    }
  }
  return list;
}

}  // namespace mig_runner::store

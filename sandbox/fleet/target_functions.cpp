#include "sandbox/fleet/target_functions.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "sandbox/base/like_pattern.h"
#include "sandbox/fleet/target.h"
#include "sandbox/store/sqlite.h"

namespace mig_sandbox {
namespace {

using nlohmann::json;

std::string_view text_of(sqlite3_value* value) {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_value_text(value));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

bool any_null(int count, sqlite3_value** values) {
  return std::any_of(values, values + count, [](auto* v) { return sqlite3_value_type(v) == SQLITE_NULL; });
}

template <Case letters>
void like_function(sqlite3_context* context, int count, sqlite3_value** values) {
  if (any_null(count, values)) return;
  sqlite3_result_int(context, like(text_of(values[1]), text_of(values[0]), letters) ? 1 : 0);
}

void regexp_function(sqlite3_context* context, int count, sqlite3_value** values) {
  if (any_null(count, values)) return;
  auto* regex = static_cast<std::regex*>(sqlite3_get_auxdata(context, 0));
  try {
    if (regex == nullptr) {
      std::string_view pattern = text_of(values[0]);
      auto flags = std::regex::ECMAScript;
      if (pattern.starts_with("(?i)")) {
        flags |= std::regex::icase;
        pattern.remove_prefix(4);
      }
      regex = new std::regex(std::string(pattern), flags);
      sqlite3_set_auxdata(context, 0, regex, [](void* p) { delete static_cast<std::regex*>(p); });
      regex = static_cast<std::regex*>(sqlite3_get_auxdata(context, 0));
      if (regex == nullptr) return sqlite3_result_error_nomem(context);
    }
    sqlite3_result_int(context, std::regex_search(std::string(text_of(values[1])), *regex) ? 1 : 0);
  } catch (const std::regex_error& e) {
    sqlite3_result_error(context, (std::string("invalid regular expression: ") + e.what()).c_str(), -1);
  }
}

std::optional<std::size_t> as_index(std::string_view key) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
  if (error != std::errc() || end != key.data() + key.size()) return std::nullopt;
  return index;
}

const json* member(const json* value, std::string_view key) {
  if (value->is_object()) {
    const auto found = value->find(std::string(key));
    return found == value->end() ? nullptr : &*found;
  }
  const auto index = value->is_array() ? as_index(key) : std::nullopt;
  return index && *index < value->size() ? &(*value)[*index] : nullptr;
}

const json* follow(const json& document, std::string_view key) {
  if (!key.starts_with(kPathMark)) return member(&document, key);
  const json* value = &document;
  while (value != nullptr && !key.empty()) {
    key.remove_prefix(1);
    const std::size_t end = std::min(key.find(kPathMark), key.size());
    value = member(value, key.substr(0, end));
    key.remove_prefix(end);
  }
  return value;
}

enum class Wanted { value, text };

// The operators -> and ->>: SQLite's own give 1 for true, where PostgreSQL has the text true.
template <Wanted wanted>
void json_function(sqlite3_context* context, int count, sqlite3_value** values) {
  if (any_null(count, values)) return;
  const std::string_view document = text_of(values[0]);
  const json parsed = json::parse(document.begin(), document.end(), nullptr, false);
  if (parsed.is_discarded()) return sqlite3_result_error(context, "invalid input syntax for type json", -1);
  const json* found = follow(parsed, text_of(values[1]));
  if (found == nullptr || (wanted == Wanted::text && found->is_null())) return;
  const std::string text =
      wanted == Wanted::text && found->is_string() ? found->get<std::string>() : found->dump(-1, ' ', false);
  sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

std::optional<Micros> unit_length(std::string_view unit) {
  constexpr Micros kSecond = 1'000'000;
  constexpr std::array<std::pair<std::string_view, Micros>, 7> kUnits = {{{"sec", kSecond},
                                                                          {"min", 60 * kSecond},
                                                                          {"hour", 3600 * kSecond},
                                                                          {"day", 86400 * kSecond},
                                                                          {"week", 7 * 86400 * kSecond},
                                                                          {"mon", 30 * 86400 * kSecond},
                                                                          {"year", 365 * 86400 * kSecond}}};
  for (const auto& [name, length] : kUnits) {
    if (unit.starts_with(name)) return length;
  }
  return std::nullopt;
}

// "1 day 2 hours", with a sign before it for the whole.
std::optional<Micros> interval_length(std::string_view text) {
  const Micros sign = text.starts_with('-') ? -1 : 1;
  if (sign < 0) text.remove_prefix(1);
  std::istringstream words{std::string(text)};
  Micros length = 0;
  Micros amount = 0;
  std::string unit;
  while (words >> amount) {
    const auto unit_micros = words >> unit ? unit_length(unit) : std::nullopt;
    if (!unit_micros) return std::nullopt;
    length += amount * *unit_micros;
  }
  if (!words.eof()) return std::nullopt;
  return sign * length;
}

// Times are stored as texts of one width, which compare as the times do.
void now_function(sqlite3_context* context, int, sqlite3_value** values) {
  const auto offset = interval_length(text_of(values[0]));
  if (!offset) return sqlite3_result_error(context, "invalid input syntax for type interval", -1);
  const auto* now = static_cast<const Micros*>(sqlite3_user_data(context));
  sqlite3_result_text(context, fixed_width(*now + *offset).c_str(), -1, SQLITE_TRANSIENT);
}

using Function = void (*)(sqlite3_context*, int, sqlite3_value**);

void add(sqlite3* connection, const char* name, int arguments, Function function, const Micros* data = nullptr) {
  const int flags = SQLITE_UTF8 | (data == nullptr ? SQLITE_DETERMINISTIC : 0);
  if (sqlite3_create_function(connection, name, arguments, flags, const_cast<Micros*>(data), function, nullptr,
                              nullptr) != SQLITE_OK)
    throw SqliteError(sqlite3_errmsg(connection));
}

constexpr std::array<std::string_view, 16> kFunctions = {"like",  "match",  "regexp",  "->",     "->>",  "pg_now",
                                                         "lower", "upper",  "length",  "substr", "trim", "coalesce",
                                                         "abs",   "nullif", "replace", "count"};

int authorize(void* unlocked, int action, const char* first, const char* second, const char*, const char*) {
  if (*static_cast<const bool*>(unlocked)) return SQLITE_OK;
  const std::string_view table = first == nullptr ? "" : first;
  const std::string_view function = second == nullptr ? "" : second;
  if (action == SQLITE_SELECT) return SQLITE_OK;
  if (action == SQLITE_READ && table == "agents") return SQLITE_OK;
  if (action == SQLITE_FUNCTION && std::find(kFunctions.begin(), kFunctions.end(), function) != kFunctions.end())
    return SQLITE_OK;
  return SQLITE_DENY;
}

}  // namespace

void add_target_functions(sqlite3* connection, const Micros* now) {
  add(connection, "like", 2, like_function<Case::sensitive>);
  add(connection, "match", 2, like_function<Case::ignored>);
  add(connection, "regexp", 2, regexp_function);
  add(connection, "->", 2, json_function<Wanted::value>);
  add(connection, "->>", 2, json_function<Wanted::text>);
  add(connection, "pg_now", 1, now_function, now);
}

void lock_to_agents(sqlite3* connection, const bool* unlocked) {
  // "online" in double quotes is a column that does not exist, in PostgreSQL, and not a text.
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_limit(connection, SQLITE_LIMIT_EXPR_DEPTH, 200);
  sqlite3_limit(connection, SQLITE_LIMIT_LENGTH, 10'000'000);
  sqlite3_set_authorizer(connection, authorize, const_cast<bool*>(unlocked));
}

}  // namespace mig_sandbox

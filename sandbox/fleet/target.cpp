#include "sandbox/fleet/target.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "sandbox/fleet/target_tokens.h"

namespace mig_sandbox {
namespace {

using mig_runner::fail;
using Kind = TargetToken::Kind;
using Pair = std::pair<std::string_view, std::string_view>;

constexpr std::array<Pair, 9> kOperators = {{{"~~", "LIKE"},
                                             {"~~*", "MATCH"},
                                             {"!~~", "NOT LIKE"},
                                             {"!~~*", "NOT MATCH"},
                                             {"~", "REGEXP"},
                                             {"~*", "REGEXP '(?i)' ||"},
                                             {"!~", "NOT REGEXP"},
                                             {"!~*", "NOT REGEXP '(?i)' ||"},
                                             {"#>", "->"}}};

// What a cast does to the value before it.
constexpr std::array<Pair, 21> kCasts = {
    {{"TEXT", "||''"},  {"VARCHAR", "||''"}, {"INT", "+0"},      {"INTEGER", "+0"},   {"INT4", "+0"},
     {"INT8", "+0"},    {"BIGINT", "+0"},    {"SMALLINT", "+0"}, {"NUMERIC", "+0"},   {"DECIMAL", "+0"},
     {"FLOAT", "+0"},   {"FLOAT8", "+0"},    {"REAL", "+0"},     {"JSON", ""},        {"JSONB", ""},
     {"TIMESTAMP", ""}, {"TIMESTAMPTZ", ""}, {"DATE", ""},       {"BOOL", "='true'"}, {"BOOLEAN", "='true'"},
     {"INTERVAL", ""}}};

constexpr std::array<std::string_view, 4> kOnlySqlite = {"GLOB", "MATCH", "REGEXP", "INDEXED"};
constexpr std::array<std::string_view, 5> kAfterIs = {"NULL", "TRUE", "FALSE", "UNKNOWN", "DISTINCT"};

template <std::size_t N>
std::optional<std::string_view> look_up(const std::array<Pair, N>& table, std::string_view key) {
  for (const auto& [name, meaning] : table) {
    if (name == key) return meaning;
  }
  return std::nullopt;
}

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string quote(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out += '\'';
}

// "{aws,instanceid}" as the keys behind path marks.
std::string path_keys(std::string_view path) {
  if (path.size() >= 2 && path.front() == '{' && path.back() == '}') path = path.substr(1, path.size() - 2);
  std::string keys(1, kPathMark);
  for (const char c : path) {
    if (c == ',') keys += kPathMark;
    if (c != ',' && c != '"') keys += c;
  }
  return keys;
}

class Translator {
 public:
  explicit Translator(std::vector<TargetToken> tokens) : tokens_(std::move(tokens)) {}

  Result<std::string> translate() {
    while (at_ < tokens_.size()) {
      if (auto done = translate_next(); !done) return tl::unexpected(done.error());
      out_ += ' ';
    }
    // Without a condition the server's own next words are what its database stumbles over.
    if (tokens_.empty()) return fail("syntax error at or near \")\"");
    if (depth_ != 0) return stumble_behind();
    return "(" + out_ + ")";
  }

 private:
  const TargetToken* peek(std::size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() ? &tokens_[at_ + ahead] : nullptr;
  }
  bool is(std::size_t ahead, std::string_view value) const {
    const auto* token = peek(ahead);
    return token != nullptr && (token->kind == Kind::word || token->kind == Kind::sign) && token->value == value;
  }

  static tl::unexpected<mig_runner::Error> stumble(const TargetToken* token) {
    if (token == nullptr) return fail("syntax error at or near \")\"");
    return fail("syntax error at or near \"" + token->source + '"');
  }

  // A bracket that is left open takes the one that the server puts behind a target; "f(" is a call then.
  tl::unexpected<mig_runner::Error> stumble_behind() const {
    constexpr std::array<std::string_view, 4> kLogicalWords = {"AND", "OR", "NOT", "IN"};
    const bool is_empty = tokens_.back().value == "(";
    const auto* const before = tokens_.size() > 1 ? &tokens_[tokens_.size() - 2] : nullptr;
    const bool is_call = before != nullptr && before->kind == Kind::word && !contains(kLogicalWords, before->value);
    return fail(is_empty && !is_call ? "syntax error at or near \")\"" : "syntax error at or near \"ORDER\"");
  }

  Result<void> translate_next() {
    const TargetToken& token = tokens_[at_++];
    if (token.kind == Kind::word) return translate_word(token);
    if (token.kind == Kind::sign) return translate_sign(token);
    out_ += token.source;
    return {};
  }

  Result<void> translate_word(const TargetToken& token) {
    if (contains(kOnlySqlite, token.value)) return stumble(&token);
    if (token.value == "ILIKE") {
      out_ += "MATCH";
    } else if (token.value == "NOW" && is(0, "(") && is(1, ")")) {
      at_ += 2;
      return translate_now();
    } else if (token.value == "IS") {
      const auto* next = peek(is(0, "NOT") ? 1 : 0);
      if (next == nullptr || !contains(kAfterIs, next->value)) return stumble(next);
      out_ += "IS";
      if (next->value == "UNKNOWN") return replace_unknown();
    } else {
      out_ += token.source;
    }
    return {};
  }

  Result<void> replace_unknown() {
    out_ += is(0, "NOT") ? " NOT NULL" : " NULL";
    at_ += is(0, "NOT") ? 2 : 1;
    return {};
  }

  Result<void> translate_now() {
    std::string offset;
    const bool minus = is(0, "-");
    if ((minus || is(0, "+")) && is(1, "INTERVAL") && peek(2) != nullptr && peek(2)->kind == Kind::text) {
      offset = (minus ? "-" : "") + peek(2)->value;
      at_ += 3;
    }
    out_ += "pg_now(" + quote(offset) + ")";
    return {};
  }

  Result<void> translate_sign(const TargetToken& token) {
    if (token.value == "(") ++depth_;
    if (token.value == ")" && --depth_ < 0) return stumble(&token);
    if (token.value == ";" || token.value == "?" || token.value == "@") return stumble(&token);
    if (token.value == "::") return translate_cast();
    if (token.value == "#>>" || token.value == "#>") {
      const auto* path = peek();
      if (path == nullptr || path->kind != Kind::text) return stumble(path);
      ++at_;
      out_ += (token.value == "#>>" ? "->> " : "-> ") + quote(path_keys(path->value));
      return {};
    }
    out_ += look_up(kOperators, token.value).value_or(token.source);
    return {};
  }

  Result<void> translate_cast() {
    const auto* type = peek();
    if (type == nullptr || type->kind != Kind::word) return stumble(type);
    const auto meaning = look_up(kCasts, type->value);
    if (!meaning) return fail("type \"" + type->source + "\" does not exist");
    ++at_;
    out_ += *meaning;
    return {};
  }

  std::vector<TargetToken> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::string out_;
};

}  // namespace

Result<std::string> translate_target(std::string_view target) {
  auto tokens = split_target(target);
  if (!tokens) return tl::unexpected(tokens.error());
  return Translator(*std::move(tokens)).translate();
}

std::string postgres_complaint(std::string_view sqlite_message) {
  const auto after = [&](std::string_view prefix) { return std::string(sqlite_message.substr(prefix.size())); };
  const auto starts = [&](std::string_view prefix) { return sqlite_message.starts_with(prefix); };
  if (starts("no such column: ")) {
    std::string column = after("no such column: ");
    // From 3.46 on SQLite quotes a name that was quoted, and adds advice.
    if (const auto advice = column.find("\" - should this be"); advice != std::string::npos && column.front() == '"')
      column = column.substr(1, advice - 1);
    return "column \"" + column + "\" does not exist";
  }
  if (starts("no such table: ")) return "relation \"" + after("no such table: ") + "\" does not exist";
  if (starts("no such function: ")) return "function " + after("no such function: ") + "() does not exist";
  if (starts("not authorized to use function: "))
    return "function " + after("not authorized to use function: ") + "() does not exist";
  if (starts("not authorized") || starts("access to ")) return "permission denied for relation";
  if (starts("interrupted")) return "canceling statement due to statement timeout";
  if (starts("incomplete input")) return "syntax error at or near \"ORDER\"";
  if (starts("near \"")) {
    const std::size_t end = sqlite_message.find("\":", 6);
    return "syntax error at or near \"" + std::string(sqlite_message.substr(6, end - 6)) + '"';
  }
  return std::string(sqlite_message);
}

}  // namespace mig_sandbox

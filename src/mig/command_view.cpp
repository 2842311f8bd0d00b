#include "mig/command_view.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <optional>

#include "base/whole_number.h"
#include "mig/json_reader.h"

namespace mig_runner::mig {
namespace {

constexpr std::array<std::string_view, 5> kFinal{"success", "cancelled", "expired", "failed", "timeout"};

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(" \n\r\t", at), text.size());
}

// Behind the string that begins at `at`; npos where it does not end.
std::size_t string_end(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    at = text.find_first_of("\"\\", at);
    if (at == std::string_view::npos) return at;
    if (text[at] == '"') return at + 1;
    ++at;
  }
  return std::string_view::npos;
}

// Behind the value that begins at `at`; npos where it does not end. Counts brackets: a value may be deeper than any
// stack.
std::size_t value_end(std::string_view text, std::size_t at) {
  if (text[at] == '"') return string_end(text, at);
  if (text[at] != '{' && text[at] != '[') return std::min(text.find_first_of(",]} \n\r\t", at), text.size());
  for (std::size_t depth = 0; at < text.size();) {
    at = text.find_first_of("\"{}[]", at);
    if (at == std::string_view::npos) return at;
    if (text[at] == '"') {
      at = string_end(text, at);
      if (at == std::string_view::npos) return at;
      continue;
    }
    depth = text[at] == '{' || text[at] == '[' ? depth + 1 : depth - 1;
    ++at;
    if (depth == 0) return at;
  }
  return std::string_view::npos;
}

// Calls `take(key, value)` for each member of an object, with an empty key for each item of a list. False where
// `text` is neither.
template <class Take>
bool each_part(std::string_view text, Take&& take) {
  std::size_t at = skip_blanks(text, 0);
  if (at == text.size() || (text[at] != '{' && text[at] != '[')) return false;
  const bool is_object = text[at] == '{';
  const char end = is_object ? '}' : ']';
  at = skip_blanks(text, at + 1);
  while (at < text.size() && text[at] != end) {
    std::string_view key;
    if (is_object) {
      const auto key_end = text[at] == '"' ? string_end(text, at) : std::string_view::npos;
      if (key_end == std::string_view::npos) return false;
      key = text.substr(at + 1, key_end - at - 2);
      at = skip_blanks(text, key_end);
      if (at == text.size() || text[at] != ':') return false;
      at = skip_blanks(text, at + 1);
      if (at == text.size()) return false;
    }
    const auto value = value_end(text, at);
    if (value == std::string_view::npos || value == at) return false;
    take(key, text.substr(at, value - at));
    at = skip_blanks(text, value);
    if (at < text.size() && text[at] == ',') at = skip_blanks(text, at + 1);
  }
  return at < text.size();
}

// A text of an agent is shown and counted, never more than this of it.
constexpr std::size_t kTextBytes = 4096;

// Empty for anything but a string. A longer one is cut where no escape is cut.
std::string string_of(std::string_view json) {
  if (!json.starts_with('"')) return "";
  std::string cut;
  if (json.size() > kTextBytes + 8) {
    std::size_t end = 1;
    while (end < kTextBytes) end += json[end] != '\\' ? 1U : json[end + 1] == 'u' ? 6U : 2U;
    while (end > 1 && (static_cast<unsigned char>(json[end]) & 0xC0U) == 0x80) --end;
    cut = std::string(json.substr(0, end)) + '"';
    json = cut;
  }
  const auto value = read_json(json);
  return value && value->kind == JsonValue::Kind::string ? value->text : "";
}

std::string first_string(std::string_view list) {
  std::optional<std::string> first;
  each_part(list, [&](std::string_view, std::string_view item) {
    if (!first) first = string_of(item);
  });
  return first.value_or("");
}

}  // namespace

Result<CommandView> read_command(std::string_view json) {
  CommandView command;
  std::optional<std::int64_t> id;
  const bool read = each_part(json, [&](std::string_view key, std::string_view value) {
    if (key == "id") id = whole_number(value);
    if (key == "status") command.status = string_of(value);
    if (key == "results") command.results = value;
    if (key == "agent")
      each_part(value, [&](std::string_view name, std::string_view text) {
        if (name == "name") command.agent = string_of(text);
      });
  });
  if (!read || id.value_or(0) <= 0) return fail("a command that cannot be read");
  command.id = *id;
  return command;
}

bool is_final_status(std::string_view status) {
  return std::find(kFinal.begin(), kFinal.end(), status) != kFinal.end();
}

std::vector<OperationOutcome> read_outcomes(std::string_view results) {
  std::vector<OperationOutcome> outcomes;
  each_part(results, [&](std::string_view, std::string_view result) {
    auto& outcome = outcomes.emplace_back();
    each_part(result, [&](std::string_view key, std::string_view value) {
      if (key == "success") outcome.succeeded = value == "true";
      if (key == "errors") outcome.error = first_string(value);
    });
  });
  return outcomes;
}

bool may_have_failed(std::string_view json) {
  constexpr std::string_view kKey = R"("success")";
  // memmem() is five times as fast as find() where the text is full of quotes.
  const auto next = [&](std::size_t from) {
    const void* found = memmem(json.data() + from, json.size() - from, kKey.data(), kKey.size());
    if (found == nullptr) return std::string_view::npos;
    return static_cast<std::size_t>(static_cast<const char*>(found) - json.data());
  };
  for (auto at = next(0); at != std::string_view::npos; at = next(at + kKey.size())) {
    const auto colon = skip_blanks(json, at + kKey.size());
    if (colon == json.size() || json[colon] != ':') continue;
    if (json.substr(skip_blanks(json, colon + 1)).starts_with("false")) return true;
  }
  return false;
}

std::uint64_t answer_hash(std::string_view json) {
  const std::hash<std::string_view> hash;
  std::uint64_t sum = 0;
  each_part(json, [&](std::string_view key, std::string_view value) {
    if (key == "action" || key == "agent") return;
    sum = sum * 0x9E3779B97F4A7C15U + (hash(key) ^ (hash(value) << 1U));
  });
  return sum;
}

}  // namespace mig_runner::mig

#include "api/answers.h"

#include <simdjson.h>

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "api/json_scanner.h"
#include "api/text.h"
#include "base/whole_number.h"

namespace mig_runner::api {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::size_t kMaxStatusBytes = 32;

tl::unexpected<Error> malformed(const std::string& why) {
  return fail("the answer is not what an API of MIG answers: " + why, {}, Retry::later);
}

// simdjson reads past the end of its input, up to SIMDJSON_PADDING bytes.
simdjson::padded_string_view padded(std::string& body) {
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  return simdjson::padded_string_view(body.data(), body.size(), body.capacity());
}

// Reading on demand does not look at what it passes over: the whole text is checked before.
Result<ondemand::document> open_document(ondemand::parser& parser, std::string& body) {
  if (const auto why = why_no_json(body); !why.empty()) return malformed(why + "; it begins " + excerpt(body));
  ondemand::document document;
  if (parser.iterate(padded(body)).get(document) != simdjson::SUCCESS) return malformed("no JSON");
  return document;
}

// A field that may be missing, but not of another type.
Result<std::string> text_of(ondemand::object& object, const char* key) {
  std::string_view text;
  const auto error = object[key].get(text);
  if (error == simdjson::NO_SUCH_FIELD) return "";
  if (error) return malformed(std::string(key) + " is no text");
  return std::string(text);
}

// The whole number in `field`; nullopt if it is none. The rest of the text is as good as checked before.
std::optional<std::int64_t> number_of(simdjson::simdjson_result<ondemand::value> field) {
  std::string_view token;
  if (field.raw_json_token().get(token) != simdjson::SUCCESS) return std::nullopt;
  return whole_number(token.substr(0, token.find_last_not_of(" \n\r\t") + 1));
}

Result<std::int64_t> id_of(ondemand::object& object, const char* what) {
  const auto id = number_of(object["id"]);
  if (!id || *id <= 0) return malformed(std::string(what) + " without a usable id");
  return *id;
}

// A counter that is not there counts nothing: the server leaves zeros out.
Result<std::int64_t> counter_of(ondemand::object& counters, const char* key) {
  auto field = counters[key];
  if (field.error() == simdjson::NO_SUCH_FIELD) return 0;
  const auto count = number_of(field);
  if (!count || *count < 0) return malformed(std::string(key) + " is no count");
  return *count;
}

Result<void> read_counters(ondemand::object& action, ActionStatus& status) {
  ondemand::object counters;
  const auto error = action["counters"].get(counters);
  if (error == simdjson::NO_SUCH_FIELD) return {};
  if (error) return malformed("counters that are no object");
  const auto sent = counter_of(counters, "sent");
  const auto done = counter_of(counters, "done");
  if (!sent || !done) return tl::unexpected(sent ? done.error() : sent.error());
  status.sent = *sent;
  status.done = *done;
  return {};
}

Result<std::vector<std::string>> signatures_of(ondemand::object& action) {
  std::vector<std::string> signatures;
  ondemand::value field;
  if (action["pgpsignatures"].get(field) != simdjson::SUCCESS || field.is_null()) return signatures;
  ondemand::array array;
  if (field.get(array) != simdjson::SUCCESS) return malformed("signatures that are no list");
  for (auto element : array) {
    std::string_view text;
    if (element.get(text) != simdjson::SUCCESS) return malformed("a signature that is no text");
    signatures.emplace_back(text);
  }
  return signatures;
}

// A word, since it is shown to people.
bool is_status(const std::string& text) {
  return text.size() <= kMaxStatusBytes &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80 && std::isalpha(c) != 0; });
}

Result<std::string_view> own_text(ondemand::object& object) {
  std::string_view json;
  if (object.raw_json().get(json) != simdjson::SUCCESS) return malformed("an object that cannot be read");
  return json.substr(0, json.rfind('}') + 1);  // without the blanks that follow it
}

Result<ListedAction> read_action(ondemand::object action) {
  ListedAction listed;
  const auto id = id_of(action, "an action");
  if (!id) return tl::unexpected(id.error());
  auto name = text_of(action, "name");
  auto target = text_of(action, "target");
  auto status = text_of(action, "status");
  if (!name || !target || !status) return malformed("an action whose name, target or status is no text");
  if (!is_status(*status)) return malformed("an action with the status " + excerpt(*status));
  if (auto counted = read_counters(action, listed.status); !counted) return tl::unexpected(counted.error());
  auto signatures = signatures_of(action);
  if (!signatures) return tl::unexpected(signatures.error());
  const auto json = own_text(action);
  if (!json) return tl::unexpected(json.error());
  listed.action = {*id, std::string(*json)};
  listed.name = std::move(*name);
  listed.signatures = std::move(*signatures);
  listed.status.status = std::move(*status);
  listed.status.target = std::move(*target);
  listed.status.json = listed.action.json;
  return listed;
}

// Calls `use` with the value of each datum whose name passes `wanted`.
template <class Wanted, class Use>
Result<void> each_datum(ondemand::document& document, Wanted&& wanted, Use&& use) {
  ondemand::array items;
  if (document["collection"]["items"].get(items) != simdjson::SUCCESS) return malformed("no collection.items");
  for (auto item : items) {
    ondemand::array data;
    if (item["data"].get(data) != simdjson::SUCCESS) return malformed("an item without data");
    for (auto element : data) {
      ondemand::object datum;
      std::string_view name;
      if (element.get(datum) != simdjson::SUCCESS || datum["name"].get(name) != simdjson::SUCCESS)
        return malformed("a datum without a name");
      if (!wanted(name)) continue;
      ondemand::object value;
      if (datum["value"].get(value) != simdjson::SUCCESS) return malformed("a datum without a value");
      if (auto used = use(value); !used) return used;
    }
  }
  return {};
}

}  // namespace

std::optional<std::string> error_message(std::string& body) {
  ondemand::parser parser;
  auto document = open_document(parser, body);
  std::string_view message;
  if (!document || (*document)["collection"]["error"]["message"].get(message) != simdjson::SUCCESS) return std::nullopt;
  return std::string(message);
}

Result<std::vector<ListedAction>> read_actions(std::string& body) {
  ondemand::parser parser;
  auto document = open_document(parser, body);
  if (!document) return tl::unexpected(document.error());
  std::vector<ListedAction> actions;
  // "action", and "action ID 123" in the answer to a post.
  const auto wanted = [](std::string_view name) { return name == "action" || name.starts_with("action ID "); };
  auto read = each_datum(*document, wanted, [&](ondemand::object value) -> Result<void> {
    auto action = read_action(value);
    if (!action) return tl::unexpected(action.error());
    actions.push_back(std::move(*action));
    return {};
  });
  if (!read) return tl::unexpected(read.error());
  return actions;
}

Result<std::int64_t> count_agents_in(std::string& body) {
  ondemand::parser parser;
  auto document = open_document(parser, body);
  if (!document) return tl::unexpected(document.error());
  std::int64_t count = 0;
  const auto wanted = [](std::string_view name) { return name == "agent"; };
  auto read = each_datum(*document, wanted, [&](const ondemand::object&) -> Result<void> {
    ++count;
    return {};
  });
  if (!read) return tl::unexpected(read.error());
  return count;
}

std::optional<Timestamp> parse_http_date(const std::string& text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  char month_name[4] = {};
  int day = 0, year = 0, hour = 0, minute = 0, second = 0, end = 0;
  const int read = std::sscanf(text.c_str(), "%*3s, %2d %3s %4d %2d:%2d:%2d GMT%n", &day, month_name, &year, &hour,
                               &minute, &second, &end);
  const auto month = kMonths.find(month_name);
  if (read != 6 || static_cast<std::size_t>(end) != text.size() || month == std::string::npos || month % 3 != 0)
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month / 3 + 1)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

}  // namespace mig_runner::api

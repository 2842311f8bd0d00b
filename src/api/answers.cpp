#include "api/answers.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <cstdio>

namespace mig_runner::api {
namespace {

namespace dom = simdjson::dom;

constexpr std::int64_t kMaxId = std::int64_t{1} << 53U;
constexpr std::size_t kExcerptBytes = 300;

dom::parser& parser() {
  static thread_local dom::parser instance;
  return instance;
}

tl::unexpected<Error> malformed(const std::string& why) {
  return fail("the answer is not what an API of MIG answers: " + why, {}, Retry::later);
}

// simdjson reads past the end of its input, up to SIMDJSON_PADDING bytes.
simdjson::padded_string_view padded(std::string& body) {
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  return simdjson::padded_string_view(body.data(), body.size(), body.capacity());
}

Result<dom::element> parse(std::string& body) {
  padded(body);
  dom::element root;
  if (const auto error = parser().parse(body.data(), body.size(), false).get(root); error)
    return malformed(std::string("no JSON (") + simdjson::error_message(error) + "): " + excerpt(body));
  return root;
}

std::string text_of(dom::element value, const char* key) {
  std::string_view text;
  return value[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

// Go writes its 64-bit floats without a fraction here, but 1e+21 would be one: anything but an integer is refused.
std::optional<std::int64_t> id_of(dom::element value) {
  std::int64_t id = 0;
  if (value["id"].get(id) != simdjson::SUCCESS || id <= 0 || id >= kMaxId) return std::nullopt;
  return id;
}

// A counter that is not there counts nothing: the server leaves zeros out.
std::int64_t counter(dom::element value, const char* name) {
  std::int64_t count = 0;
  return value["counters"][name].get(count) == simdjson::SUCCESS && count > 0 ? count : 0;
}

Result<ListedAction> read_action(dom::element value) {
  const auto id = id_of(value);
  if (!id) return malformed("an action without a usable id");
  ListedAction listed;
  listed.action.id = *id;
  listed.action.json = simdjson::minify(value);
  listed.name = text_of(value, "name");
  dom::array signatures;
  if (value["pgpsignatures"].get(signatures) == simdjson::SUCCESS) {
    for (const auto signature : signatures) {
      std::string_view text;
      if (signature.get(text) == simdjson::SUCCESS) listed.signatures.emplace_back(text);
    }
  }
  auto& status = listed.status;
  status.status = text_of(value, "status");
  status.target = text_of(value, "target");
  status.sent = counter(value, "sent");
  status.done = counter(value, "done");
  status.json = listed.action.json;
  return listed;
}

Result<dom::array> items_of(dom::element root) {
  dom::array items;
  if (root["collection"]["items"].get(items) != simdjson::SUCCESS) return malformed("no collection.items");
  return items;
}

// Calls `use` with the value of each datum whose name passes `wanted`.
template <class Wanted, class Use>
Result<void> each_datum(dom::element root, Wanted&& wanted, Use&& use) {
  const auto items = items_of(root);
  if (!items) return tl::unexpected(items.error());
  for (const auto item : *items) {
    dom::array data;
    if (item["data"].get(data) != simdjson::SUCCESS) return malformed("an item without data");
    for (const auto datum : data) {
      if (!wanted(text_of(datum, "name"))) continue;
      dom::element value;
      if (datum["value"].get(value) != simdjson::SUCCESS || !value.is_object())
        return malformed("a datum without a value");
      if (auto used = use(value); !used) return used;
    }
  }
  return {};
}

// The commands' own text, which the DOM does not keep. The page was checked before: nothing here can fail half way but
// the sink.
Result<void> pass_on(std::string& body, const std::function<Result<void>(const CommandSlice&)>& sink) {
  static thread_local simdjson::ondemand::parser on_demand;
  simdjson::ondemand::document document;
  if (on_demand.iterate(padded(body)).get(document) != simdjson::SUCCESS) return malformed("no JSON");
  for (auto item : document["collection"]["items"].get_array()) {
    for (auto datum : item["data"].get_array()) {
      std::string_view name;
      if (datum["name"].get(name) != simdjson::SUCCESS || name != "command") continue;
      simdjson::ondemand::object command;
      std::int64_t id = 0;
      std::string_view json;
      if (datum["value"].get(command) != simdjson::SUCCESS || command["id"].get(id) != simdjson::SUCCESS ||
          command.raw_json().get(json) != simdjson::SUCCESS)
        return malformed("a command that cannot be read");
      if (auto taken = sink({id, json}); !taken) return taken;
    }
  }
  return {};
}

}  // namespace

std::string excerpt(const std::string& text) {
  std::string shown;
  for (const char c : text.substr(0, kExcerptBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte == 0x7F ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return shown + (text.size() > kExcerptBytes ? ".." : "");
}

std::optional<std::string> error_message(std::string& body) {
  const auto root = parse(body);
  std::string_view message;
  if (!root || (*root)["collection"]["error"]["message"].get(message) != simdjson::SUCCESS) return std::nullopt;
  return std::string(message);
}

Result<std::vector<ListedAction>> read_actions(std::string& body) {
  const auto root = parse(body);
  if (!root) return tl::unexpected(root.error());
  std::vector<ListedAction> actions;
  // "action", and "action ID 123" in the answer to a post.
  const auto wanted = [](const std::string& name) { return name == "action" || name.starts_with("action ID "); };
  auto read = each_datum(*root, wanted, [&](dom::element value) -> Result<void> {
    auto action = read_action(value);
    if (!action) return tl::unexpected(action.error());
    actions.push_back(std::move(*action));
    return {};
  });
  if (!read) return tl::unexpected(read.error());
  return actions;
}

Result<std::int64_t> count_agents_in(std::string& body) {
  const auto root = parse(body);
  if (!root) return tl::unexpected(root.error());
  std::int64_t count = 0;
  const auto wanted = [](const std::string& name) { return name == "agent"; };
  auto read = each_datum(*root, wanted, [&](dom::element) -> Result<void> {
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

Result<int> read_commands(std::string& body, const std::function<Result<void>(const CommandSlice&)>& sink) {
  const auto root = parse(body);
  if (!root) return tl::unexpected(root.error());
  int count = 0;
  const auto wanted = [](const std::string& name) { return name == "command"; };
  auto checked = each_datum(*root, wanted, [&](dom::element value) -> Result<void> {
    ++count;
    if (!id_of(value)) return malformed("a command without a usable id");
    return {};
  });
  if (!checked) return tl::unexpected(checked.error());
  try {
    if (auto passed = pass_on(body, sink); !passed) return tl::unexpected(passed.error());
  } catch (const simdjson::simdjson_error& error) {
    return malformed(error.what());
  }
  return count;
}

}  // namespace mig_runner::api

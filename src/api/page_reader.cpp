#include "api/page_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "api/text.h"
#include "base/whole_number.h"

namespace mig_runner::api {
namespace {

// {"collection":{"items":[{"data":[{"name":"command","value":{"id":1,"agent":{"name":"a"}}}]}]}}
constexpr int kCollectionDepth = 2;
constexpr int kItemsDepth = 3;
constexpr int kItemDepth = 4;
constexpr int kDataDepth = 5;
constexpr int kDatumDepth = 6;
constexpr int kCommandDepth = 7;
constexpr int kAgentDepth = 8;

constexpr std::size_t kMaxEnvelopeBytes = std::size_t{1} << 20U;  // of what stands around commands, at a time
constexpr std::size_t kMaxStatusBytes = 32;
constexpr std::size_t kShownBytes = 300;

// Without its quotes; empty if it is no string.
std::string_view unquoted(std::string_view token) {
  return token.size() > 2 && token.front() == '"' ? token.substr(1, token.size() - 2) : std::string_view();
}

// None, or a word in quotes, since it is shown to people.
bool is_status_token(std::string_view token) {
  const auto word = unquoted(token);
  const bool is_word =
      std::all_of(word.begin(), word.end(), [](unsigned char c) { return c < 0x80 && std::isalpha(c) != 0; });
  return token.empty() || token == R"("")" || (!word.empty() && word.size() <= kMaxStatusBytes && is_word);
}

std::int64_t id_of(std::string_view token) {
  return std::max<std::int64_t>(whole_number(token).value_or(0), 0);
}

}  // namespace

PageReader::PageReader(const CommandSink& sink, std::vector<UnreadableCommand>& unreadable)
    : sink_(sink), unreadable_(unreadable), scanner_(*this, kCommandDepth, kCommandDepth - 1 + kMaxDepth) {}

PageReader::Key PageReader::key_of(std::string_view text) {
  switch (text.size()) {
    case 2:
      return text == "id" ? Key::id : Key::other;
    case 4:
      return text == "data" ? Key::data : text == "name" ? Key::name : Key::other;
    case 5:
      return text == "agent" ? Key::agent : text == "items" ? Key::items : text == "value" ? Key::value : Key::other;
    case 6:
      return text == "status" ? Key::status : Key::other;
    default:
      return text == "collection" ? Key::collection : Key::other;
  }
}

// Whether what opens `depth` is what stands there on the way to a command's agent.
bool PageReader::on_path(int depth) const {
  switch (depth) {
    case kCollectionDepth:
      return keys_[1] == Key::collection;
    case kItemsDepth:
      return on_path(kCollectionDepth) && keys_[2] == Key::items;
    case kItemDepth:
      return on_path(kItemsDepth);
    case kDataDepth:
      return on_path(kItemsDepth) && keys_[4] == Key::data;
    default:
      return on_path(kDataDepth);
  }
}

void PageReader::opened(int depth, char bracket, std::size_t position) {
  keys_[static_cast<std::size_t>(depth)] = Key::other;
  if (in_datum_) {
    if (depth == kCommandDepth && keys_[kDatumDepth] == Key::value && bracket == '{')
      command_ = span(position, position);
    return;
  }
  if (depth < kCollectionDepth || depth > kDatumDepth || !on_path(depth)) return;
  const bool is_list = depth == kItemsDepth || depth == kDataDepth;
  if ((bracket == '[') != is_list) fault_ = "a list is an object, or the other way round";
  if (depth == kItemsDepth) has_items_ = true;
  if (depth == kItemDepth) item_has_data_ = false;
  if (depth == kDataDepth) item_has_data_ = true;
  if (depth == kDatumDepth) {
    in_datum_ = true;
    datum_begin_ = position;
  }
}

void PageReader::closed(int depth, std::size_t position) {
  if (!in_datum_) {
    if (depth == kItemDepth && on_path(kItemDepth) && !item_has_data_) fault_ = "an item without data";
    return;
  }
  if (depth == kCommandDepth && command_.begin > 0 && command_.empty()) command_.end = position + 1 - datum_begin_;
  if (depth == kDatumDepth) {
    datum_complete_ = true;
    scanner_.pause();
  }
}

void PageReader::key(int depth, std::string_view text) {
  const auto key = key_of(text);
  keys_[static_cast<std::size_t>(depth)] = key;
  if (depth == kCommandDepth) scanner_.watch_to(key == Key::agent ? kAgentDepth : kCommandDepth);
}

void PageReader::scalar(int depth, std::size_t begin, std::size_t end) {
  const auto key = keys_[static_cast<std::size_t>(depth)];
  if (!in_datum_) {
    // It should be a list or an element of one.
    const bool misplaced = (depth == 2 && on_path(2) && key == Key::items) || (depth == 3 && on_path(3)) ||
                           (depth == 4 && on_path(4) && key == Key::data) || (depth == 5 && on_path(5));
    if (misplaced) fault_ = "a value where a list or an object belongs";
    return;
  }
  const auto token = buffer_.view().substr(begin, end - begin);
  if (depth == kDatumDepth && key == Key::name && token.front() == '"') {
    datum_has_name_ = true;
    datum_is_command_ = unquoted(token) == "command";
  }
  if (keys_[kDatumDepth] != Key::value) return;
  if (depth == kCommandDepth && key == Key::id) id_ = span(begin, end);
  if (depth == kCommandDepth && key == Key::status) status_ = span(begin, end);
  if (depth == kAgentDepth && keys_[kCommandDepth] == Key::agent && key == Key::name) agent_ = span(begin, end);
}

std::string_view PageReader::text(Span span) const {
  return buffer_.view().substr(datum_begin_ + span.begin, span.end - span.begin);
}

tl::unexpected<Error> PageReader::malformed(const std::string& why) const {
  return fail("the answer is not what an API of MIG answers: " + why + "; it begins " + excerpt(beginning_), {},
              Retry::later);
}

Result<void> PageReader::take(std::string_view bytes) {
  bytes_ += bytes.size();
  if (beginning_.size() < kShownBytes) beginning_ += bytes.substr(0, kShownBytes);
  buffer_.append(bytes);
  auto scanned = scan();
  drop_what_is_read();
  return scanned;
}

Result<void> PageReader::scan() {
  while (true) {
    const auto stop = scanner_.scan(buffer_.view());
    if (!fault_.empty()) return malformed(fault_);
    if (stop == JsonScanner::Stop::fault) {
      if (!in_datum_) return malformed(scanner_.fault());
      pass_over(scanner_.is_too_deep() ? "nested deeper than " + std::to_string(kMaxDepth) + " levels"
                                       : scanner_.fault());
    } else if (stop == JsonScanner::Stop::needs_more) {
      break;
    } else if (datum_complete_ || passed_over_) {
      if (auto ended = datum_ended(); !ended) return ended;
    }
  }
  const auto held = buffer_.size() - (in_datum_ ? datum_begin_ : scanner_.needed_from());
  if (!in_datum_ && held > kMaxEnvelopeBytes) return malformed("something outside of the commands is too long");
  if (in_datum_ && !passed_over_ && held > kMaxCommandBytes) {
    pass_over("larger than " + std::to_string(kMaxCommandBytes >> 20U) + " MiB");
    return scan();
  }
  return {};
}

// The datum that is being read is of no use.
void PageReader::pass_over(std::string reason) {
  passed_over_ = broken_command(std::move(reason));
  scanner_.pass_over_to(kDataDepth);
}

UnreadableCommand PageReader::broken_command(std::string reason) const {
  if (passed_over_) return *passed_over_;
  return {id_of(text(id_)), excerpt(unquoted(text(agent_))), std::move(reason)};
}

Result<void> PageReader::datum_ended() {
  Result<void> done;
  if (passed_over_) {
    if (is_within_command()) {
      unreadable_.push_back(std::move(*passed_over_));
      ++rows_;
    }
  } else if (!datum_has_name_) {
    return malformed("a datum without a name");
  } else if (datum_is_command_) {
    done = pass_on();
  }
  forget_datum();
  return done;
}

Result<void> PageReader::pass_on() {
  const auto json = text(command_);
  const CommandSlice slice{id_of(text(id_)), unquoted(text(status_)), json};
  std::string fault;
  if (json.empty()) {
    fault = "it is no object";
  } else if (slice.id == 0) {
    fault = "it has no usable id";
  } else if (const auto token = text(status_); !is_status_token(token)) {
    fault = "its status is no word: " + excerpt(token);
  } else if (!simdjson::validate_utf8(json.data(), json.size())) {
    fault = "it is not UTF-8";
  }
  ++rows_;
  if (!fault.empty()) {
    unreadable_.push_back(broken_command(std::move(fault)));
    return {};
  }
  auto taken = sink_(slice);
  sink_failed_ = !taken;
  return taken;
}

void PageReader::forget_datum() {
  in_datum_ = datum_complete_ = datum_has_name_ = datum_is_command_ = false;
  command_ = id_ = status_ = agent_ = {};
  passed_over_.reset();
}

void PageReader::drop_what_is_read() {
  const bool keeps_datum = in_datum_ && !passed_over_;
  const auto dropped = keeps_datum ? datum_begin_ : scanner_.needed_from();
  buffer_.drop_front(dropped);
  scanner_.dropped(dropped);
  datum_begin_ = keeps_datum ? 0 : datum_begin_;
}

Result<void> PageReader::finish() {
  if (!scanner_.is_at_end()) return malformed("it is cut off");
  if (!has_items_) return malformed("no collection.items");
  return {};
}

}  // namespace mig_runner::api

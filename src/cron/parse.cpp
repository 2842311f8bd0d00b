#include <fmt/core.h>

#include <optional>
#include <vector>

#include "base/text.h"
#include "cron/field_kinds.h"
#include "cron/fields.h"

namespace mig_runner::cron {
namespace {

using Id = FieldKind::Id;

constexpr std::size_t kLongestExpression = 4096;

// A part of the expression: in lower case, as it was written, and where.
struct Piece {
  std::string_view text;
  std::string_view written;
  std::size_t column = 1;

  Piece part(std::size_t from, std::size_t size = std::string_view::npos) const {
    return {text.substr(from, size), written.substr(from, size), column + from};
  }
};

tl::unexpected<Error> fail_at(std::size_t column, std::string what) {
  return fail(std::move(what), fmt::format("column {}", column));
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  return text.size() <= kLongest ? fmt::format("\"{}\"", text) : fmt::format("\"{}..\"", text.substr(0, kLongest));
}

std::vector<Piece> split(const Piece& whole, std::string_view separators, bool keep_empty) {
  std::vector<Piece> pieces;
  for (std::size_t begin = 0; begin <= whole.text.size();) {
    const auto end = std::min(whole.text.find_first_of(separators, begin), whole.text.size());
    if (keep_empty || end > begin) pieces.push_back(whole.part(begin, end - begin));
    begin = end + 1;
  }
  return pieces;
}

// Reads one field into the Fields. Its text is in lower case.
class FieldParser {
 public:
  FieldParser(const FieldKind& kind, Fields& fields) : kind_(kind), fields_(fields) {}

  Result<void> parse(const Piece& field) {
    const bool begins_with_wildcard = field.text.front() == '*' || field.text.front() == '?';
    const bool is_time = kind_.id == Id::second || kind_.id == Id::minute || kind_.id == Id::hour;
    fields_.interval = fields_.interval || (is_time && begins_with_wildcard);
    for (const auto& item : split(field, ",", true)) {
      if (auto done = parse_item(item); !done) return done;
    }
    if (kind_.id == Id::month_day) fields_.month_days_restricted = !unrestricted_;
    if (kind_.id == Id::week_day) fields_.week_days_restricted = !unrestricted_;
    return {};
  }

 private:
  tl::unexpected<Error> bad(const Piece& at, std::string_view what) const {
    return fail_at(at.column, fmt::format("{}: {}", kind_.name, what));
  }

  tl::unexpected<Error> bad_value(const Piece& value) const {
    if (value.text.empty()) return bad(value, "a value is missing: " + kind_.expected());
    return bad(value, fmt::format("{} is not {}{}", quoted(value.written), kind_.expected(), hint(value.text)));
  }

  std::string hint(std::string_view value) const {
    if (value == "h") return "; H is not known here: choose a number, or give the job a splay";
    if (kind_.id == Id::month_day) return ", L, LW or such as 15W";
    if (kind_.id == Id::week_day) return value == "l" ? "; the last Saturday is 6L" : ", or such as 5L or mon#2";
    return "";
  }

  Result<void> parse_item(const Piece& item) {
    if (item.text.empty()) return bad(item, "an empty list member: a value is missing beside a comma");
    const auto slash = item.text.find('/');
    if (slash == std::string_view::npos) {
      if (parse_special_day(item)) return {};
    }
    int step = 1;
    if (slash != std::string_view::npos) {
      const auto read = parse_step(item.part(slash + 1));
      if (!read) return tl::unexpected(read.error());
      step = *read;
    }
    return parse_range(item.part(0, slash), slash == std::string_view::npos ? std::nullopt : std::optional(step));
  }

  Result<int> parse_step(const Piece& text) const {
    const int longest = kind_.high - kind_.low + 1;
    int step = 0;
    for (char c : text.text) {
      if (c < '0' || c > '9' || step > longest) {
        step = 0;
        break;
      }
      step = step * 10 + (c - '0');
    }
    if (step >= 1 && step <= longest) return step;
    return bad(text, fmt::format("{} is not a step: after / has to stand 1 to {}", quoted(text.written), longest));
  }

  Result<void> parse_range(const Piece& range, std::optional<int> step) {
    if (range.text == "*" || range.text == "?") {
      unrestricted_ = unrestricted_ || !step;
      add(kind_.low, kind_.high, step.value_or(1));
      return {};
    }
    const auto dash = range.text.find('-');
    const auto first_text = range.part(0, dash);
    const auto first = kind_.value(first_text.text);
    if (!first) return bad_value(first_text);
    if (dash == std::string_view::npos) {
      const int from = step ? from_low(*first) : *first;
      add(from, step ? kind_.high : from, step.value_or(1));
      return {};
    }
    const auto last_text = range.part(dash + 1);
    const auto last = kind_.value(last_text.text);
    if (!last) return bad_value(last_text);
    if (*last < *first) return reversed(range, first_text.text, last_text.text);
    add(*first, *last, step.value_or(1));
    return {};
  }

  // 7/2 begins on a Sunday, like 0/2.
  int from_low(int value) const { return value > kind_.high ? kind_.low : value; }

  tl::unexpected<Error> reversed(const Piece& range, std::string_view first, std::string_view last) const {
    const bool week_day = kind_.id == Id::week_day;
    std::string right =
        fmt::format("to go past the end write {}-{},{}-{}", first, kind_.highest, week_day ? 1 : kind_.low, last);
    if (week_day && kind_.value(last) == 0) right = fmt::format("as the end of a range Sunday is 7: {}-7", first);
    if (kind_.id == Id::year) right = "the earlier year comes first";
    return bad(range, fmt::format("{} is a reversed range; {}", quoted(range.written), right));
  }

  // L, LW, nW; nL, n#k. False where the item is none of these.
  bool parse_special_day(const Piece& item) {
    const auto text = item.text;
    if (kind_.id == Id::month_day) {
      if (text == "l") return fields_.last_day = true;
      if (text == "lw") return fields_.last_weekday = true;
      const auto day = text.back() == 'w' ? kind_.value(text.substr(0, text.size() - 1)) : std::nullopt;
      if (day) fields_.nearest_weekdays |= std::uint32_t{1} << *day;
      return day.has_value();
    }
    if (kind_.id == Id::week_day) {
      const auto hash = text.find('#');
      const auto day = text.back() == 'l' || hash != std::string_view::npos
                           ? kind_.value(text.substr(0, std::min(hash, text.size() - 1)))
                           : std::nullopt;
      if (!day) return false;
      const auto bit = static_cast<std::uint8_t>(1U << (*day % 7));
      if (hash == std::string_view::npos) {
        fields_.last_week_days |= bit;
        return true;
      }
      const auto week = text.substr(hash + 1);
      if (week.size() != 1 || week[0] < '1' || week[0] > '5') return false;
      fields_.nth_week_days[static_cast<std::size_t>(week[0] - '1')] |= bit;
      return true;
    }
    return false;
  }

  void add(int from, int to, int step) {
    for (int value = from; value <= to; value += step) add(value);
  }

  void add(int value) {
    const auto bit = std::uint64_t{1} << (value % 64);
    switch (kind_.id) {
      case Id::second:
        fields_.seconds |= bit;
        break;
      case Id::minute:
        fields_.minutes |= bit;
        break;
      case Id::hour:
        fields_.hours |= static_cast<std::uint32_t>(bit);
        break;
      case Id::month_day:
        fields_.month_days |= static_cast<std::uint32_t>(bit);
        break;
      case Id::month:
        fields_.months |= static_cast<std::uint32_t>(bit);
        break;
      case Id::week_day:
        fields_.week_days |= static_cast<std::uint8_t>(1U << (value % 7));
        break;
      case Id::year:
        fields_.years.set(static_cast<std::size_t>(value - kFirstYear));
        break;
    }
  }

  const FieldKind& kind_;
  Fields& fields_;
  bool unrestricted_ = false;
};

struct Nickname {
  std::string_view name;
  std::string_view meaning;
};

constexpr Nickname kNicknames[] = {{"@annually", "0 0 1 1 *"}, {"@yearly", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
                                   {"@weekly", "0 0 * * 0"},   {"@daily", "0 0 * * *"},  {"@hourly", "0 * * * *"}};

Result<Piece> expand_nickname(const Piece& nickname) {
  for (const auto& known : kNicknames) {
    if (nickname.text == known.name) return Piece{known.meaning, known.meaning, nickname.column};
  }
  return fail_at(nickname.column, fmt::format("{} is not one of @annually, @yearly, @monthly, @weekly, @daily, @hourly",
                                              quoted(nickname.written)));
}

constexpr std::string_view kOrder =
    "[second] minute hour day-of-month month day-of-week [year], where 6 fields end with the year and 7 begin with the "
    "second";

Result<void> parse_all(const std::vector<Piece>& pieces, Fields& fields) {
  fields.seconds = 1;
  fields.years.set();
  if (pieces.size() >= 6) fields.years.reset();
  if (pieces.size() == 7) fields.seconds = 0;
  const std::size_t offset = pieces.size() == 7 ? 0 : 1;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto& kind = kFieldKinds[i + offset];
    auto done = FieldParser(kind, fields).parse(pieces[i]);
    if (done) continue;
    if (kind.id == Id::year && pieces.size() == 6) done.error().what += " (with 6 fields the last one is the year)";
    return done;
  }
  return {};
}

bool ever_fires(const Fields& fields) {
  return fields.first_match(0).has_value();
}

}  // namespace

Result<Fields> parse_fields(std::string_view expression) {
  if (expression.size() > kLongestExpression) {
    return fail_at(kLongestExpression + 1, fmt::format("an expression has at most {} characters", kLongestExpression));
  }
  const auto small = lower(expression);
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  auto pieces = split(Piece{small, expression}, kBlanks, false);
  if (pieces.size() == 1 && pieces[0].text.front() == '@') {
    const auto meaning = expand_nickname(pieces[0]);
    if (!meaning) return tl::unexpected(meaning.error());
    pieces = split(*meaning, kBlanks, false);
  }
  if (pieces.size() < 5) {
    return fail_at(small.size() + 1, fmt::format("{} of at least 5 fields: {}", pieces.size(), kOrder));
  }
  if (pieces.size() > 7) return fail_at(pieces[7].column, fmt::format("more than 7 fields: {}", kOrder));

  Fields fields;
  if (auto done = parse_all(pieces, fields); !done) return tl::unexpected(std::move(done.error()));
  if (!ever_fires(fields)) {
    return fail_at(pieces[pieces.size() == 7 ? 3 : 2].column,
                   "day-of-month: never fires, for none of the chosen months of the chosen years has such a day");
  }
  return fields;
}

}  // namespace mig_runner::cron

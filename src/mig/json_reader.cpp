#include "mig/json_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "base/utf8.h"

namespace mig_runner::mig {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<char32_t> hex_digit(char c) {
  if (is_digit(c)) return static_cast<char32_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<char32_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<char32_t>(c - 'A' + 10);
  return std::nullopt;
}

bool is_high_surrogate(char32_t unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low_surrogate(char32_t unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

// Every reading function returns false after the first error, which error_ then holds.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<JsonValue> read() {
    JsonValue value;
    if (text_.starts_with("\xEF\xBB\xBF")) {
      fail_here("the text begins with a byte order mark: it has to be saved as UTF-8 without one");
    } else if (read_value(value, 0)) {
      skip_space();
      if (at_ != text_.size()) fail_here("the JSON text ends before {}: nothing may follow it");
    }
    if (!error_.what.empty()) return tl::unexpected(error_);
    return value;
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  bool skip(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  // What stands here, as a message names it.
  std::string here() const {
    if (at_ == text_.size()) return "the end of the text";
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (c < 0x20 || c == 0x7F) return fmt::format("control character {:#04x}", c);
    const std::size_t length = utf8_length(text_.substr(at_));
    if (length == 0) return fmt::format("byte {:#04x}", c);
    return fmt::format("'{}'", text_.substr(at_, length));
  }

  // "{}" in `what` becomes what stands here.
  bool fail_here(std::string_view what) {
    error_ = Error{fmt::format(fmt::runtime(what), here()), json_position(text_, at_)};
    return false;
  }

  bool read_value(JsonValue& value, int depth) {
    skip_space();
    value.begin = at_;
    if (depth > kMaxJsonDepth) return fail_here(fmt::format("the JSON is nested deeper than {} levels", kMaxJsonDepth));
    if (!read_kind(value, depth)) return false;
    value.end = at_;
    return true;
  }

  bool read_kind(JsonValue& value, int depth) {
    using Kind = JsonValue::Kind;
    switch (peek()) {
      case '{':
        value.kind = Kind::object;
        return read_members(value, depth);
      case '[':
        value.kind = Kind::array;
        return read_items(value, depth);
      case '"':
        value.kind = Kind::string;
        return read_string(value.text);
      case 't':
        value.kind = Kind::boolean;
        value.boolean = true;
        return read_word("true");
      case 'f':
        value.kind = Kind::boolean;
        return read_word("false");
      case 'n':
        return read_word("null");
      default:
        value.kind = Kind::number;
        if (peek() == '-' || is_digit(peek())) return read_number(value.text);
        return fail_here("a value belongs here, not {}");
    }
  }

  bool read_word(std::string_view word) {
    const std::size_t begin = at_;
    for (const char c : word) {
      if (skip(c)) continue;
      at_ = begin;
      return fail_here("a value belongs here: text in double quotes, a number, true, false, null, [ or {{");
    }
    return true;
  }

  bool read_digits() {
    if (!is_digit(peek())) return fail_here("a digit belongs here, not {}");
    while (is_digit(peek())) ++at_;
    return true;
  }

  bool read_number(std::string& out) {
    const std::size_t begin = at_;
    skip('-');
    if (!skip('0') && !read_digits()) return false;
    if (is_digit(peek())) return fail_here("a number may not begin with 0");
    if (skip('.') && !read_digits()) return false;
    if (skip('e') || skip('E')) {
      if (!skip('+')) skip('-');
      if (!read_digits()) return false;
    }
    out = text_.substr(begin, at_ - begin);
    return true;
  }

  bool read_items(JsonValue& value, int depth) {
    ++at_;
    skip_space();
    if (skip(']')) return true;
    while (true) {
      if (!read_value(value.items.emplace_back(), depth + 1)) return false;
      skip_space();
      if (skip(']')) return true;
      if (!skip(',')) return fail_here("a comma or ] belongs here, after an item of a list, not {}");
      skip_space();
      if (peek() == ']') return fail_here("a value belongs here, not {}: no comma may follow the last item");
    }
  }

  bool read_members(JsonValue& value, int depth) {
    ++at_;
    skip_space();
    if (skip('}')) return true;
    while (true) {
      if (!read_member(value.members.emplace_back(), depth)) return false;
      skip_space();
      if (skip('}')) return true;
      if (!skip(',')) return fail_here("a comma or }} belongs here, after a field, not {}");
      skip_space();
      if (peek() == '}')
        return fail_here("a field's name in double quotes belongs here, not {}: no comma may follow the last field");
    }
  }

  bool read_member(JsonMember& member, int depth) {
    if (peek() != '"') return fail_here("a field's name in double quotes belongs here, not {}");
    if (!read_string(member.name)) return false;
    skip_space();
    if (!skip(':')) return fail_here("a colon belongs here, after a field's name, not {}");
    return read_value(member.value, depth + 1);
  }

  bool read_string(std::string& out) {
    ++at_;
    while (at_ < text_.size()) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c < 0x20) return fail_here("{} has to be escaped in text, as \\n or \\u000a for a line break");
      if (c == '\\') {
        if (!read_escape(out)) return false;
        continue;
      }
      const std::size_t length = utf8_length(text_.substr(at_));
      out += length == 0 ? std::string_view("\uFFFD") : text_.substr(at_, length);
      at_ += length == 0 ? 1 : length;
    }
    return fail_here("a double quote is missing that ends the text");
  }

  bool read_escape(std::string& out) {
    static constexpr std::string_view kLetters = "\"\\/bfnrt";
    static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    ++at_;
    const char c = peek();
    if (c == 'u') return read_unicode_escape(out);
    const std::size_t index = kLetters.find(c);
    if (index == std::string_view::npos || at_ == text_.size())
      return fail_here(
          "a backslash is written twice (\\\\) in JSON text; before {} it stands for nothing, only before \" \\ / b f "
          "n "
          "r t u");
    out += kMeanings[index];
    ++at_;
    return true;
  }

  // The four hexadecimal digits that follow a \u at `at`.
  std::optional<char32_t> unicode_escape_at(std::size_t at) const {
    if (text_.size() < at + 6 || text_.substr(at, 2) != "\\u") return std::nullopt;
    char32_t unit = 0;
    for (const char c : text_.substr(at + 2, 4)) {
      const auto digit = hex_digit(c);
      if (!digit) return std::nullopt;
      unit = unit * 16 + *digit;
    }
    return unit;
  }

  // At the u of an escape.
  bool read_unicode_escape(std::string& out) {
    const auto unit = unicode_escape_at(at_ - 1);
    if (!unit) return fail_here("four hexadecimal digits have to follow \\u");
    at_ += 5;
    if (is_high_surrogate(*unit)) {
      const auto next = unicode_escape_at(at_);
      if (next && is_low_surrogate(*next)) {
        at_ += 6;
        append_utf8(out, 0x10000 + ((*unit - 0xD800) << 10U) + (*next - 0xDC00));
        return true;
      }
    }
    append_utf8(out, is_high_surrogate(*unit) || is_low_surrogate(*unit) ? 0xFFFD : *unit);
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Error error_;
};

}  // namespace

Result<JsonValue> read_json(std::string_view text) {
  return Reader(text).read();
}

std::string json_position(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::string_view in_line = before.substr(before.rfind('\n') + 1);
  const auto column = std::count_if(in_line.begin(), in_line.end(),
                                    [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }) +
                      1;
  return fmt::format("{}:{}", line, column);
}

}  // namespace mig_runner::mig

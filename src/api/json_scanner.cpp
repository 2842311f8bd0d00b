#include "api/json_scanner.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "api/text.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace mig_runner::api {
namespace {

constexpr std::size_t kMaxNumberBytes = 1024;  // a number that is not whole yet is read again with the next piece
constexpr std::size_t kSurelyFinite = 300;     // so many digits do not exceed a 64-bit float
constexpr std::size_t kShownBytes = 24;
constexpr std::ptrdiff_t kShortDigits = 20;
constexpr std::size_t kLongestStride = 32;  // more than a short number with what follows it

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The first byte that ends the plain part of a string: a quote, a backslash, a control character.
const char* plain_end(const char* p, const char* end) {
#ifdef __SSE2__
  const auto quote = _mm_set1_epi8('"');
  const auto backslash = _mm_set1_epi8('\\');
  const auto last_control = _mm_set1_epi8(0x1F);
  for (; end - p >= 16; p += 16) {
    const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const auto found = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
                                    _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(found));
    if (mask != 0) return p + __builtin_ctz(mask);
  }
#endif
  while (p < end && *p != '"' && *p != '\\' && static_cast<unsigned char>(*p) >= 0x20) ++p;
  return p;
}

const char* digits_end(const char* p, const char* end) {
  while (p < end && is_digit(*p)) ++p;
  return p;
}

// The end of the number that begins at `p`; nullptr if it is none.
const char* number_end(const char* p, const char* end) {
  const char* const begin = p;
  if (p < end && *p == '-') ++p;
  const char* const whole = p;
  p = digits_end(p, end);
  if (p == whole || (*whole == '0' && p - whole > 1)) return nullptr;
  if (p < end && *p == '.') {
    const char* const fraction = ++p;
    p = digits_end(p, end);
    if (p == fraction) return nullptr;
  }
  std::size_t exponent_digits = 0;
  if (p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p < end && (*p == '-' || *p == '+')) ++p;
    const char* const exponent = p;
    p = digits_end(p, end);
    exponent_digits = static_cast<std::size_t>(p - exponent);
    if (exponent_digits == 0) return nullptr;
  }
  if (exponent_digits < 3 && p - begin < static_cast<std::ptrdiff_t>(kSurelyFinite)) return p;
  double value = 0;
  const auto read = std::from_chars(begin, p, value);
  const bool tiny =
      read.ec == std::errc::result_out_of_range && exponent_digits > 0 && *(p - exponent_digits - 1) == '-';
  return read.ec == std::errc() || tiny ? p : nullptr;
}

// The four hexadecimal digits at `p`; -1 if they are none.
int hexadecimal(const char* p) {
  unsigned value = 0;
  const auto read = std::from_chars(p, p + 4, value, 16);
  return read.ec == std::errc() && read.ptr == p + 4 ? static_cast<int>(value) : -1;
}

}  // namespace

struct JsonScanner::Cursor {
  const char* base;
  const char* p;
  const char* end;

  std::size_t position(const char* place) const { return static_cast<std::size_t>(place - base); }
  std::size_t left() const { return static_cast<std::size_t>(end - p); }
};

JsonScanner::JsonScanner(JsonWatcher& watcher, int watched_depth, int max_depth)
    : watcher_(watcher), watched_depth_(watched_depth), max_depth_(std::min(max_depth, kMaxDepth)) {}

bool JsonScanner::refuse(const Cursor& at, const std::string& why) {
  fault_ = why + ": " + excerpt(std::string_view(at.p, std::min(at.left(), kShownBytes)));
  return false;
}

JsonScanner::Stop JsonScanner::scan(std::string_view text) {
  paused_ = false;
  if (is_passing_over()) return pass_over(text);
  fault_.clear();
  Cursor at{text.data(), text.data() + position_, text.data() + text.size()};
  do stride(at);
  while (at.p < at.end && !paused_ && step(at));
  position_ = at.position(at.p);
  if (!fault_.empty()) return Stop::fault;
  return paused_ ? Stop::paused : Stop::needs_more;
}

// Many tokens at a go, as long as they are of the frequent kinds: strings without escapes, short numbers, no blanks
// between. It only makes the scanner three times as fast: step() knows all kinds, and says what is wrong.
void JsonScanner::stride(Cursor& at) {
  while (at.left() > kLongestStride && !paused_) {
    if (state_ == State::first_key || state_ == State::key) {
      if (*at.p != '"') return;
      const char* const end = plain_end(at.p + 1, at.end);
      if (at.end - end < 2 || end[0] != '"' || end[1] != ':') return;
      if (depth_ <= watched_depth_) watcher_.key(depth_, {at.p + 1, static_cast<std::size_t>(end - at.p - 1)});
      at.p = end + 2;
      state_ = State::value;
    }
    if (state_ == State::value || state_ == State::first_value) {
      if (at.left() < kLongestStride || !stride_value(at)) return;
    }
    while (state_ == State::comma) {
      if (at.left() < 2 || paused_) return;
      const auto closing = closing_[static_cast<std::size_t>(depth_)];
      if (*at.p == ',') {
        state_ = closing == '}' ? State::key : State::value;
        ++at.p;
      } else if (*at.p == closing) {
        close(at);
      } else {
        return;
      }
    }
    if (state_ > State::first_key) return;
  }
}

// False, and nothing done, if the value is of a kind that step() has to look at.
bool JsonScanner::stride_value(Cursor& at) {
  const char* const begin = at.p;
  const char* p = begin;
  switch (*p) {
    case '"':
      p = plain_end(p + 1, at.end);
      if (p == at.end || *p != '"') return false;
      ++p;
      break;
    case '{':
    case '[':
      return depth_ < max_depth_ && open(at);
    case 't':
    case 'n':
      if (std::memcmp(p, "true", 4) != 0 && std::memcmp(p, "null", 4) != 0) return false;
      p += 4;
      break;
    case 'f':
      if (std::memcmp(p, "false", 5) != 0) return false;
      p += 5;
      break;
    default:
      while (is_digit(*p) && p - begin < kShortDigits) ++p;
      if (p == begin || (*p != ',' && *p != '}' && *p != ']') || (*begin == '0' && p - begin > 1)) return false;
  }
  at.p = p;
  scalar_ended(at, begin);
  return true;
}

// One token; false if it is no JSON or not whole yet.
bool JsonScanner::step(Cursor& at) {
  if (state_ == State::string || state_ == State::key_string) return string(at);
  const char c = *at.p;
  if (is_blank(c)) return ++at.p, true;
  switch (state_) {
    case State::first_key:
      if (c == '}') return close(at);
      [[fallthrough]];
    case State::key:
      if (c != '"') return refuse(at, "no JSON, a key is missing");
      string_begin_ = at.position(at.p++);
      state_ = State::key_string;
      return string(at);
    case State::colon:
      if (c != ':') return refuse(at, "no JSON, a colon is missing");
      state_ = State::value;
      return ++at.p, true;
    case State::first_value:
      if (c == ']') return close(at);
      [[fallthrough]];
    case State::value:
      return value(at);
    case State::comma:
      if (c != ',') return close(at);
      state_ = closing_[static_cast<std::size_t>(depth_)] == '}' ? State::key : State::value;
      return ++at.p, true;
    default:
      return refuse(at, "no JSON, something follows its end");
  }
}

bool JsonScanner::string(Cursor& at) {
  at.p = plain_end(at.p, at.end);
  while (at.p < at.end && *at.p == '\\') {
    if (!escape(at)) return false;
    at.p = plain_end(at.p, at.end);
  }
  if (at.p == at.end) return true;
  if (*at.p != '"') return refuse(at, "no JSON, a control character in a string");
  const char* const begin = at.base + string_begin_;
  ++at.p;
  if (state_ == State::string) {
    scalar_ended(at, begin);
    return true;
  }
  if (depth_ <= watched_depth_)
    watcher_.key(depth_, std::string_view(begin + 1, static_cast<std::size_t>(at.p - begin) - 2));
  state_ = State::colon;
  return true;
}

bool JsonScanner::escape(Cursor& at) {
  if (at.left() < 2) return false;
  if (at.p[1] != 'u') {
    if (std::string_view("\"\\/bfnrt").find(at.p[1]) == std::string_view::npos)
      return refuse(at, "no JSON, an escape that is none");
    at.p += 2;
    return true;
  }
  if (at.left() < 6) return false;
  const int unit = hexadecimal(at.p + 2);
  if (unit < 0 || (unit >= 0xDC00 && unit < 0xE000)) return refuse(at, "no JSON, an escape that is none");
  if (unit < 0xD800 || unit >= 0xE000) return at.p += 6, true;
  if (at.left() < 12) return false;
  const int second = at.p[6] == '\\' && at.p[7] == 'u' ? hexadecimal(at.p + 8) : -1;
  if (second < 0xDC00 || second >= 0xE000) return refuse(at, "no JSON, an escape that is none");
  return at.p += 12, true;
}

bool JsonScanner::value(Cursor& at) {
  switch (*at.p) {
    case '"':
      string_begin_ = at.position(at.p++);
      state_ = State::string;
      return string(at);
    case '{':
    case '[':
      return open(at);
    case 't':
      return word(at, "true");
    case 'f':
      return word(at, "false");
    case 'n':
      return word(at, "null");
    default:
      return number(at);
  }
}

bool JsonScanner::word(Cursor& at, std::string_view word) {
  const auto there = std::string_view(at.p, std::min(at.left(), word.size()));
  if (!word.starts_with(there)) return refuse(at, "no JSON, a word that is no value");
  if (there.size() < word.size()) return false;
  const char* const begin = at.p;
  at.p += word.size();
  scalar_ended(at, begin);
  return true;
}

bool JsonScanner::number(Cursor& at) {
  if (*at.p != '-' && !is_digit(*at.p)) return refuse(at, "no JSON, a value is missing");
  const char* p = at.p;
  while (p < at.end && (is_digit(*p) || *p == '.' || *p == '-' || *p == '+' || *p == 'e' || *p == 'E')) ++p;
  if (p - at.p > static_cast<std::ptrdiff_t>(kMaxNumberBytes)) return refuse(at, "a number that is too long");
  if (p == at.end && depth_ > 0) return false;
  if (number_end(at.p, p) != p) return refuse(at, "no JSON, a number that is none");
  const char* const begin = at.p;
  at.p = p;
  scalar_ended(at, begin);
  return true;
}

void JsonScanner::scalar_ended(const Cursor& at, const char* begin) {
  state_ = depth_ == 0 ? State::end : State::comma;
  if (depth_ <= watched_depth_) watcher_.scalar(depth_, at.position(begin), at.position(at.p));
}

bool JsonScanner::open(Cursor& at) {
  too_deep_ = depth_ >= max_depth_;
  if (too_deep_) return refuse(at, "nested too deep");
  const bool object = *at.p == '{';
  ++depth_;
  closing_[static_cast<std::size_t>(depth_)] = object ? '}' : ']';
  state_ = object ? State::first_key : State::first_value;
  if (depth_ <= watched_depth_) watcher_.opened(depth_, *at.p, at.position(at.p));
  ++at.p;
  return true;
}

bool JsonScanner::close(Cursor& at) {
  if (depth_ == 0 || *at.p != closing_[static_cast<std::size_t>(depth_)])
    return refuse(at, "no JSON, a comma or a bracket is missing");
  ++at.p;
  const int closed = depth_--;
  state_ = depth_ == 0 ? State::end : State::comma;
  if (closed <= watched_depth_) watcher_.closed(closed, at.position(at.p - 1));
  return true;
}

void JsonScanner::pass_over_to(int depth) {
  over_string_ = state_ == State::string || state_ == State::key_string;
  over_escape_ = false;
  passing_over_to_ = depth;
}

JsonScanner::Stop JsonScanner::pass_over(std::string_view text) {
  const char* p = text.data() + position_;
  const char* const end = text.data() + text.size();
  while (p < end && depth_ > passing_over_to_) {
    if (over_escape_) {
      over_escape_ = false;
    } else if (over_string_) {
      p = plain_end(p, end);
      if (p == end) break;
      over_string_ = *p != '"';
      over_escape_ = *p == '\\';
    } else if (*p == '"') {
      over_string_ = true;
    } else {
      depth_ += *p == '{' || *p == '[' ? 1 : *p == '}' || *p == ']' ? -1 : 0;
    }
    ++p;
  }
  position_ = static_cast<std::size_t>(p - text.data());
  if (depth_ > passing_over_to_) return Stop::needs_more;
  passing_over_to_ = -1;
  state_ = State::comma;
  return Stop::paused;
}

std::size_t JsonScanner::needed_from() const {
  const bool in_string = !is_passing_over() && (state_ == State::string || state_ == State::key_string);
  return in_string ? string_begin_ : position_;
}

void JsonScanner::dropped(std::size_t bytes) {
  position_ -= bytes;
  if (string_begin_ >= bytes) string_begin_ -= bytes;
}

std::string why_no_json(std::string_view text) {
  struct Nobody final : JsonWatcher {
    void opened(int, char, std::size_t) override {}
    void closed(int, std::size_t) override {}
    void key(int, std::string_view) override {}
    void scalar(int, std::size_t, std::size_t) override {}
  } nobody;
  JsonScanner scanner(nobody, -1, JsonScanner::kMaxDepth);
  if (scanner.scan(text) == JsonScanner::Stop::fault) return scanner.fault();
  if (!scanner.is_at_end()) return "it is cut off";
  return simdjson::validate_utf8(text.data(), text.size()) ? "" : "it is not UTF-8";
}

}  // namespace mig_runner::api

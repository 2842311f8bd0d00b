#include "sandbox/base/go_json.h"

#include <cctype>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/hex.h"

namespace mig_sandbox {
namespace {

// Walks over a JSON text as Go's scanner does, state by state, to say what it would say.
class GoScanner {
 public:
  explicit GoScanner(std::string_view text) : text_(text) {}

  std::string scan() {
    if (!value("looking for beginning of value")) return error_;
    space();
    if (at_ < text_.size()) fail("after top-level value");
    return error_;
  }

 private:
  bool fail(const char* context) {
    if (at_ >= text_.size()) {
      error_ = "unexpected end of JSON input";
      return false;
    }
    const auto c = static_cast<unsigned char>(text_[at_]);
    std::string shown;
    if (c == '\'') {
      shown = "'\\''";
    } else if (c == '"') {
      shown = "'\"'";
    } else if (c == '\\') {
      shown = "'\\\\'";
    } else if (c == '\n' || c == '\r' || c == '\t') {
      shown = c == '\n' ? "'\\n'" : c == '\r' ? "'\\r'" : "'\\t'";
    } else if (c < 0x20 || c == 0x7F) {
      shown = "'\\x" + mig_runner::hex(text_.substr(at_, 1)) + "'";
    } else if (c < 0x80) {
      shown = std::string("'") + static_cast<char>(c) + "'";
    } else {
      // Go shows the byte as if it were a character of Latin-1.
      shown = std::string("'") + static_cast<char>(0xC0U | c >> 6U) + static_cast<char>(0x80U | (c & 0x3FU)) + "'";
    }
    error_ = "invalid character " + shown + " " + context;
    return false;
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n') ++at_;
  }

  bool value(const char* context) {
    space();
    const char c = peek();
    if (++depth_ > kMostDepth) {
      error_ = "exceeded max depth";
      return false;
    }
    const bool fine = c == '{'                                                       ? object()
                      : c == '['                                                     ? array()
                      : c == '"'                                                     ? string()
                      : c == 't'                                                     ? word("true")
                      : c == 'f'                                                     ? word("false")
                      : c == 'n'                                                     ? word("null")
                      : c == '-' || std::isdigit(static_cast<unsigned char>(c)) != 0 ? number()
                                                                                     : fail(context);
    --depth_;
    return fine;
  }

  bool object() {
    ++at_;
    space();
    if (peek() == '}') return ++at_ != 0;
    while (true) {
      space();
      if (peek() != '"') return fail("looking for beginning of object key string");
      if (!string()) return false;
      space();
      if (peek() != ':') return fail("after object key");
      ++at_;
      if (!value("looking for beginning of value")) return false;
      space();
      if (peek() == '}') return ++at_ != 0;
      if (peek() != ',') return fail("after object key:value pair");
      ++at_;
    }
  }

  bool array() {
    ++at_;
    space();
    if (peek() == ']') return ++at_ != 0;
    while (true) {
      if (!value("looking for beginning of value")) return false;
      space();
      if (peek() == ']') return ++at_ != 0;
      if (peek() != ',') return fail("after array element");
      ++at_;
    }
  }

  bool string() {
    for (++at_; at_ < text_.size(); ++at_) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') return ++at_ != 0;
      if (c < 0x20) return fail("in string literal");
      if (c == '\\' && !escape()) return false;
    }
    return fail("in string literal");
  }

  // At a backslash; leaves at_ on the escape's last character.
  bool escape() {
    ++at_;
    if (at_ < text_.size() && std::string_view("bfnrt\\/\"").find(peek()) != std::string_view::npos) return true;
    if (peek() != 'u') return fail("in string escape code");
    for (int i = 0; i < 4; ++i) {
      ++at_;
      if (std::isxdigit(static_cast<unsigned char>(peek())) == 0) return fail("in \\u hexadecimal character escape");
    }
    return true;
  }

  bool word(std::string_view word) {
    for (std::size_t i = 0; i < word.size(); ++i, ++at_) {
      if (peek() == word[i]) continue;
      return fail(("in literal " + std::string(word) + " (expecting '" + word[i] + "')").c_str());
    }
    return true;
  }

  bool digits(const char* context) {
    if (std::isdigit(static_cast<unsigned char>(peek())) == 0) return fail(context);
    while (std::isdigit(static_cast<unsigned char>(peek())) != 0) ++at_;
    return true;
  }

  bool number() {
    if (peek() == '-') ++at_;
    if (peek() == '0') {
      ++at_;
    } else if (!digits("in numeric literal")) {
      return false;
    }
    if (peek() == '.') {
      ++at_;
      if (!digits("after decimal point in numeric literal")) return false;
    }
    if (peek() != 'e' && peek() != 'E') return true;
    ++at_;
    if (peek() == '+' || peek() == '-') ++at_;
    return digits("in exponent of numeric literal");
  }

  static constexpr int kMostDepth = 10000;
  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::string error_;
};

}  // namespace

std::string go_json(const nlohmann::json& value) {
  const std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = std::string_view(text).substr(i, 3);
    if (text[i] == '<') {
      out += "\\u003c";
    } else if (text[i] == '>') {
      out += "\\u003e";
    } else if (text[i] == '&') {
      out += "\\u0026";
    } else if (rest == "\u2028" || rest == "\u2029") {
      out += rest == "\u2028" ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string go_syntax_error(std::string_view text) {
  return GoScanner(text).scan();
}

}  // namespace mig_sandbox

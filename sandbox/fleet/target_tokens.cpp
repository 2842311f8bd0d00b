#include "sandbox/fleet/target_tokens.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace mig_sandbox {
namespace {

using mig_runner::fail;
using mig_runner::Result;
using Kind = TargetToken::Kind;

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (static_cast<unsigned char>(c) & 0x80U) != 0;
}

// Longest first: the first that fits is taken.
constexpr std::array<std::string_view, 35> kSigns = {
    "!~~*", "!~~", "!~*", "#>>", "->>", "~~*", "!~", "!=", "#>", "->", "::", "<=", ">=", "<>", "||", "~~", "~*", "~",
    "=",    "<",   ">",   "(",   ")",   ",",   ".",  "+",  "-",  "*",  "/",  "%",  "&",  "|",  "@",  "?",  ";"};

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  Result<std::vector<TargetToken>> split() {
    while (true) {
      at_ = std::min(text_.find_first_not_of(" \t\r\n\f\v", at_), text_.size());
      if (at_ == text_.size()) return std::move(tokens_);
      if (auto read = read_token(); !read) return tl::unexpected(read.error());
    }
  }

 private:
  Result<void> read_token() {
    const char c = text_[at_];
    const std::string_view rest = text_.substr(at_);
    // A comment swallows the closing bracket of the server's own query.
    if (rest.starts_with("--")) return fail("syntax error at or near \"ORDER\"");
    if (rest.starts_with("/*")) return unterminated("/* comment", rest);
    if (c == '\'' || c == '"') return read_quoted(c);
    if (std::isdigit(static_cast<unsigned char>(c)) != 0)
      return read_run(Kind::number,
                      [](char d) { return std::isdigit(static_cast<unsigned char>(d)) != 0 || d == '.'; });
    if (is_word(c)) return read_run(Kind::word, is_word);
    const auto* const sign = std::find_if(kSigns.begin(), kSigns.end(), [&](auto s) { return rest.starts_with(s); });
    if (sign == kSigns.end()) return fail("syntax error at or near \"" + std::string(1, c) + '"');
    tokens_.push_back({Kind::sign, std::string(*sign), std::string(*sign)});
    at_ += sign->size();
    return {};
  }

  template <class Belongs>
  Result<void> read_run(Kind kind, Belongs belongs) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && belongs(text_[at_])) ++at_;
    TargetToken token{kind, std::string(text_.substr(begin, at_ - begin)), {}};
    token.value = token.source;
    std::transform(token.value.begin(), token.value.end(), token.value.begin(),
                   [](char d) { return static_cast<char>(std::toupper(static_cast<unsigned char>(d))); });
    tokens_.push_back(std::move(token));
    return {};
  }

  // The complaint names all that follows, the rest of the server's query too.
  static tl::unexpected<mig_runner::Error> unterminated(const char* what, std::string_view from) {
    return fail(std::string("unterminated ") + what + " at or near \"" + std::string(from) +
                ")\n\t\tORDER BY agents.queueloc ASC\"");
  }

  Result<void> read_quoted(char quote) {
    const std::size_t begin = at_++;
    std::string value;
    while (at_ < text_.size()) {
      if (text_[at_] == quote && (at_ + 1 == text_.size() || text_[at_ + 1] != quote)) {
        ++at_;
        const Kind kind = quote == '"' ? Kind::quoted_name : Kind::text;
        tokens_.push_back({kind, std::string(text_.substr(begin, at_ - begin)), std::move(value)});
        return {};
      }
      if (text_[at_] == quote) ++at_;
      value += text_[at_++];
    }
    return unterminated(quote == '"' ? "quoted identifier" : "quoted string", text_.substr(begin));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<TargetToken> tokens_;
};

}  // namespace

Result<std::vector<TargetToken>> split_target(std::string_view target) {
  return Splitter(target).split();
}

}  // namespace mig_sandbox

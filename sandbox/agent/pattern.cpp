#include "sandbox/agent/pattern.h"

#include <re2/re2.h>

namespace mig_sandbox {

namespace {

// The words of Go's regexp/syntax for what RE2 finds wrong.
std::string_view go_reason(RE2::ErrorCode code) {
  switch (code) {
    case RE2::ErrorBadEscape:
      return "invalid escape sequence";
    case RE2::ErrorBadCharClass:
      return "invalid character class";
    case RE2::ErrorBadCharRange:
      return "invalid character class range";
    case RE2::ErrorMissingBracket:
      return "missing closing ]";
    case RE2::ErrorMissingParen:
      return "missing closing )";
    case RE2::ErrorUnexpectedParen:
      return "unexpected )";
    case RE2::ErrorTrailingBackslash:
      return "trailing backslash at end of expression";
    case RE2::ErrorRepeatArgument:
      return "missing argument to repetition operator";
    case RE2::ErrorRepeatSize:
      return "invalid repeat count";
    case RE2::ErrorRepeatOp:
      return "invalid nested repetition operator";
    case RE2::ErrorBadPerlOp:
      return "invalid or unsupported Perl syntax";
    case RE2::ErrorBadUTF8:
      return "invalid UTF-8";
    case RE2::ErrorBadNamedCapture:
      return "invalid named capture";
    case RE2::ErrorPatternTooLarge:
      return "expression too large";
    default:
      return "internal error";
  }
}

}  // namespace

mig_runner::Result<Pattern> Pattern::compile(const std::string& expression) {
  RE2::Options options;
  options.set_log_errors(false);
  Pattern pattern;
  pattern.inverted_ = expression.starts_with('!');
  const std::string body = pattern.inverted_ ? expression.substr(1) : expression;
  const auto compiled = std::make_shared<const RE2>(body, options);
  if (!compiled->ok()) {
    const std::string culprit = compiled->error_arg().empty() ? body : compiled->error_arg();
    return mig_runner::fail("error parsing regexp: " + std::string(go_reason(compiled->error_code())) + ": `" +
                            culprit + "`");
  }
  pattern.expression_ = compiled;
  return pattern;
}

bool Pattern::found_in(std::string_view text) const {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *expression_);
}

}  // namespace mig_sandbox

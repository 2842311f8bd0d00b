#include "api/greeting.h"

#include "api/answers.h"
#include "api/text.h"

namespace mig_runner::api {
namespace {

bool is_page(const std::string& body) {
  const auto begin = body.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return begin != std::string::npos && body[begin] == '<';
}

// Only a 401 speaks of the key.
Greeting::Kind kind_of(long status, const std::optional<std::string>& message, HttpAnswer& answer) {
  using Kind = Greeting::Kind;
  if (is_page(answer.body)) return Kind::stranger;
  switch (status) {
    case 200:
      return read_actions(answer.body) ? Kind::accepted : Kind::stranger;
    case 401:
      return Kind::refused;
    case 404:
      return message == "no results found" ? Kind::accepted : Kind::nothing;
    case 408:
    case 429:
      return Kind::trouble;
    default:
      return status >= 500 ? Kind::trouble : Kind::stranger;
  }
}

}  // namespace

Greeting Greeting::of(HttpAnswer answer) {
  const auto message = error_message(answer.body);
  Greeting greeting;
  greeting.server_time = parse_http_date(answer.date);
  greeting.kind = kind_of(answer.status, message, answer);
  auto words = message ? excerpt(*message) : first_words(answer.body);
  if (!answer.location.empty()) words = "a redirect to " + shown_url(answer.location);
  greeting.words = std::to_string(answer.status) + ": " + (words.empty() ? "nothing" : words);
  return greeting;
}

}  // namespace mig_runner::api

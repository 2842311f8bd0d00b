#include "api/greeting.h"

#include "api/answers.h"
#include "api/get_answer.h"
#include "api/text.h"

namespace mig_runner::api {
namespace {

// Only a 401 of the API speaks of the key.
Greeting::Kind kind_of(HttpAnswer& answer, const std::optional<std::string>& message) {
  using Kind = Greeting::Kind;
  if (answer.status == 200) return read_actions(answer.body) ? Kind::accepted : Kind::stranger;
  const bool is_page = answer.body.find('<') != std::string::npos;
  if (!message) return answer.status == 404 && !is_page ? Kind::nothing : Kind::stranger;
  if (answer.status == 401) return Kind::refused;
  if (answer.status == 404) return message == kEndOfList ? Kind::accepted : Kind::nothing;
  return Kind::trouble;
}

}  // namespace

Greeting Greeting::of(HttpAnswer answer) {
  const auto message = error_message(answer.body);
  Greeting greeting;
  greeting.server_time = parse_http_date(answer.date);
  greeting.kind = kind_of(answer, message);
  auto words = message ? excerpt(*message) : first_words(answer.body);
  if (!answer.location.empty()) words = "a redirect to " + shown_url(answer.location);
  greeting.words = std::to_string(answer.status) + ": " + (words.empty() ? "nothing" : words);
  return greeting;
}

}  // namespace mig_runner::api

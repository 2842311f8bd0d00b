#include "api/failed_answer.h"

#include <algorithm>
#include <charconv>

#include "api/answers.h"
#include "api/text.h"

namespace mig_runner::api {
namespace {

using std::chrono::milliseconds;

// Longer than any deadline: what is asked for is bounded by them.
constexpr milliseconds kLongestWait = std::chrono::hours(24 * 7);

milliseconds wait_of(const HttpAnswer& answer) {
  const auto& text = answer.retry_after;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size())
    return milliseconds(
        std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kLongestWait / std::chrono::seconds(1))));
  const auto until = parse_http_date(text);
  const auto now = parse_http_date(answer.date);  // by the clock that `until` was told by
  if (!until || !now) return milliseconds(0);
  return std::clamp(*until - *now, milliseconds(0), kLongestWait);
}

std::string sentence(HttpAnswer& answer) {
  const auto status = std::to_string(answer.status);
  if (const auto message = error_message(answer.body)) return "the API answers " + status + ": " + excerpt(*message);
  if (!answer.location.empty())
    return "a redirect (" + status + ") to " + shown_url(answer.location) +
           " in place of the API's answer: set api.url to where the API is";
  const auto words = first_words(answer.body);
  return "an answer " + status +
         " of a proxy or another server in place of the API's: " + (words.empty() ? "no text" : words);
}

}  // namespace

Error failed_answer(HttpAnswer& answer, const std::string& where, Retry retry) {
  return {sentence(answer), where, retry, wait_of(answer)};
}

}  // namespace mig_runner::api

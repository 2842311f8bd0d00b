#include "api/http.h"

namespace mig_runner::api {

Result<HttpAnswer> Http::perform(const HttpRequest& request) {
  Result<HttpAnswer> answer = fail("no answer");
  perform_all({request}, [&](std::size_t, Result<HttpAnswer> result) { answer = std::move(result); });
  return answer;
}

// One after the other: enough where nothing is waited for.
void Http::perform_each(std::size_t /*side_by_side*/, const std::function<std::optional<HttpRequest>()>& next,
                        const std::function<void(std::size_t, Result<HttpAnswer>)>& done) {
  std::size_t index = 0;
  while (const auto request = next()) done(index++, perform(*request));
}

}  // namespace mig_runner::api

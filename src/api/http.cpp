#include "api/http.h"

namespace mig_runner::api {

Result<HttpAnswer> Http::perform(const HttpRequest& request) {
  Result<HttpAnswer> answer = fail("no answer");
  perform_all({request}, [&](std::size_t, Result<HttpAnswer> result) { answer = std::move(result); });
  return answer;
}

}  // namespace mig_runner::api

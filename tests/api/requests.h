#pragma once

#include "api/http.h"

namespace mig_runner::api {

inline HttpRequest get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  request.max_answer_bytes = 1'000'000;
  request.timeout = std::chrono::seconds(20);
  return request;
}

inline HttpRequest post(const std::string& url) {
  auto request = get(url);
  request.form_body = "action=x";
  return request;
}

inline std::unique_ptr<Http> make(std::stop_token stop = {}) {
  return make_curl_http({}, std::move(stop));
}

}  // namespace mig_runner::api

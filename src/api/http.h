#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace mig_runner::api {

// Takes the body of an answer while it comes.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // An Error ends the exchange, with this Error as its outcome.
  virtual Result<void> take(std::string_view bytes) = 0;
  // How many of the bytes it still keeps. Of several bodies that come at the same time, only one at a time gets beyond
  // a first part of 1 MiB; the others wait.
  virtual std::size_t held() const = 0;
};

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;  // "Name: value"; no line breaks
  std::string form_body;             // sent as a POST, application/x-www-form-urlencoded, when not empty
  std::size_t max_answer_bytes = 0;  // a longer body is an error
  std::chrono::milliseconds timeout{0};
  // The transfer is given up after so long without a byte either way; 0: as HttpOptions says.
  std::chrono::milliseconds stall_timeout{0};
  // Asked once the connection stands, right before the request leaves; on false it does not (Retry::later).
  std::function<bool()> may_send{};
  // Takes the body of an answer of status 200, without any limit; it outlives the exchange. nullptr: HttpAnswer has it.
  BodySink* body_sink = nullptr;
};

struct HttpAnswer {
  long status = 0;
  std::string body{};
  // Headers as sent, at most 64 bytes of each, or empty.
  std::string date{};
  std::string retry_after{};
  std::string location{};             // of a redirect, which is not followed; whole
  std::chrono::milliseconds took{0};  // until the first byte of the answer came
};

// One HTTP exchange at a time, or several side by side. One thread at a time: an object a thread. Errors: Retry::later
// when nothing can have reached the server (name, refused, a certificate that is not trusted), outcome_unknown once any
// of the request may have been sent, no for what no later try can mend (a header with a line break). A redirect is an
// answer as any other: it is not followed.
// `where` is the address without its query and without "user:password@".
class Http {
 public:
  virtual ~Http() = default;
  Result<HttpAnswer> perform(const HttpRequest& request);
  // All at the same time. A POST goes out on a connection of its own and is never sent twice. `done(index, answer)` is
  // called on this thread as each ends, in any order. `idle`, where there is one, is called whenever `done` has had all
  // that ended so far and others are still waited for, and ten times a second meanwhile.
  virtual void perform_all(const std::vector<HttpRequest>& requests,
                           const std::function<void(std::size_t, Result<HttpAnswer>)>& done,
                           const std::function<void()>& idle = {}) = 0;
  // As perform_all, for requests that are made up on the way: `next` is asked for one while fewer than `side_by_side`
  // are under way, also after `done` had an answer; the indexes are in the order of its requests. Ends when it has none
  // and all are done.
  virtual void perform_each(std::size_t side_by_side, const std::function<std::optional<HttpRequest>()>& next,
                            const std::function<void(std::size_t, Result<HttpAnswer>)>& done);
};

struct HttpOptions {
  bool skip_verify_certificate = false;
  std::chrono::milliseconds connect_timeout{std::chrono::seconds(10)};
  // A transfer is given up after this long, or half its own timeout where that is longer, without a byte either way.
  std::chrono::seconds stall_timeout{60};
};

// libcurl. Which certificates and which proxy count is read from the environment: docs/commands.md. A stop request ends
// what is under way within 0.2 s (Retry::later or outcome_unknown as above).
std::unique_ptr<Http> make_curl_http(const HttpOptions& options, std::stop_token stop);

}  // namespace mig_runner::api

#include <curl/curl.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "api/http.h"
#include "api/http_environment.h"
#include "api/text.h"
#include "base/progress.h"
#include "base/text.h"

namespace mig_runner::api {
namespace {

constexpr int kPollMs = 100;  // how soon a stop request is noticed, and `idle` called again
constexpr std::size_t kMaxHeaderBytes = 64;
constexpr long kReceiveBytes = 100L << 10U;  // as curl's own program
constexpr std::size_t kFirstPart = std::size_t{128} << 10U;
constexpr std::size_t kFirstPartOfSink = std::size_t{1} << 20U;
constexpr std::string_view kUserAgent = "MIG Client mig-runner";

void start_curl_once() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

bool is_certificate_error(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_ISSUER_ERROR ||
         code == CURLE_SSL_INVALIDCERTSTATUS;
}

// What to do about a certificate; `verdict` is OpenSSL's of the chain. curl leaves it at its first value where the
// chain is trusted, but made out to another name.
std::string certificate_advice(long verdict) {
  constexpr long kNoFaultOfTheChain = 1;
  constexpr long kNotYetValid = 9;
  constexpr long kExpired = 10;
  std::string mend = "install the certificate of its authority";
  if (verdict <= kNoFaultOfTheChain) mend = "set api.url to a name that the certificate is made out to";
  if (verdict == kNotYetValid || verdict == kExpired) mend = "renew the server's certificate, or set the clock";
  return " (" + mend + ", or set api.skipverifycert if you know what that gives up)";
}

bool breaks_lines(const std::string& header) {
  return header.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos;
}

// Of answers that come at the same time, only one is read beyond its first part: the others wait in the system's
// buffers, or at the server, so that several pages in flight take hardly more memory than one.
class Turn {
 public:
  // `held`: how much of its answer the transfer keeps in memory.
  bool may_read(const void* transfer, std::size_t held, std::size_t first_part) {
    if (holder_ == transfer && held < first_part) give_back(transfer);
    if (held < first_part || holder_ == transfer) return true;
    if (holder_ != nullptr) return false;
    holder_ = transfer;
    return true;
  }
  void give_back(const void* transfer) {
    if (holder_ != transfer) return;
    holder_ = nullptr;
    is_free_again_ = true;
  }
  // Whether others may have been waiting for it since this was asked last.
  bool take_free_again() { return std::exchange(is_free_again_, false); }

 private:
  const void* holder_ = nullptr;
  bool is_free_again_ = false;
};

// One transfer and what it needs while it runs.
class Transfer {
 public:
  Transfer(const HttpRequest& request, const HttpOptions& options, Turn& turn)
      : request_(request), turn_(turn), easy_(curl_easy_init()) {
    for (const auto& header : request.headers) headers_ = curl_slist_append(headers_, header.c_str());
    set_common(options);
    if (is_secure()) set_certificates();
    if (!request.form_body.empty()) set_post();
    if (!request.may_send) return;
    curl_easy_setopt(easy_, CURLOPT_PREREQFUNCTION, ask_to_send);
    curl_easy_setopt(easy_, CURLOPT_PREREQDATA, this);
  }
  ~Transfer() {
    curl_slist_free_all(headers_);
    curl_easy_cleanup(easy_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* easy() const { return easy_; }
  void go_on() { curl_easy_pause(easy_, CURLPAUSE_CONT); }

  Result<HttpAnswer> answer(CURLcode code) {
    if (code != CURLE_OK || sink_error_) return failure(code);
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &answer_.status);
    curl_off_t took = 0;
    curl_easy_getinfo(easy_, CURLINFO_STARTTRANSFER_TIME_T, &took);
    answer_.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::microseconds(took));
    char* location = nullptr;
    curl_easy_getinfo(easy_, CURLINFO_REDIRECT_URL, &location);
    if (location != nullptr) answer_.location = location;
    return std::move(answer_);
  }

  Result<HttpAnswer> stopped() const {
    const auto kind = request_.form_body.empty() ? Retry::later : retry();  // a GET does nothing
    return fail("given up, since the runner stops", shown_url(request_.url), kind);
  }

 private:
  void set_common(const HttpOptions& options) {
    curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str());
    curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 0L);
    // With HTTP/2 curl sends a request again by itself when the server refuses its stream.
    curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    // Else curl waits for a name server that does not answer even after the transfer was given up.
    curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, options.skip_verify_certificate ? 0L : 1L);
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, options.skip_verify_certificate ? 0L : 2L);
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
    curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(request_.timeout.count()));
    curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_LIMIT, 1L);
    const auto stalled =
        request_.stall_timeout.count() > 0
            ? std::chrono::ceil<std::chrono::seconds>(request_.stall_timeout)
            : std::max(options.stall_timeout, std::chrono::ceil<std::chrono::seconds>(request_.timeout / 2));
    curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_TIME, static_cast<long>(stalled.count()));
    curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, kReceiveBytes);
    curl_easy_setopt(easy_, CURLOPT_USERAGENT, std::string(kUserAgent).c_str());
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_text_);
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &Transfer::take_body);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &Transfer::take_header);
    curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
    if (is_loopback(request_.url)) curl_easy_setopt(easy_, CURLOPT_PROXY, "");
  }

  // Of SSL_CERT_FILE and SSL_CERT_DIR, which curl does not know.
  void set_certificates() {
    certificates_ = trusted_certificates(curl_version_info(CURLVERSION_NOW)->cainfo);
    if (!certificates_) {
      if (const char* file = std::getenv("SSL_CERT_FILE"); file != nullptr && *file != '\0')
        curl_easy_setopt(easy_, CURLOPT_CAINFO, file);
      return;
    }
    curl_blob blob{const_cast<char*>(certificates_->data()), certificates_->size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy_, CURLOPT_CAINFO, nullptr);
    curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);
    if (!certificates_->empty()) curl_easy_setopt(easy_, CURLOPT_CAINFO_BLOB, &blob);
  }

  bool is_secure() const { return request_.url.size() > 5 && lower(request_.url[4]) == 's'; }

  // curl sends a request again by itself when a reused connection turns out to be dead; an action would be launched
  // twice. On a connection of its own there is nothing to repeat.
  void set_post() {
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.form_body.size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.form_body.c_str());
    curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy_, CURLOPT_FORBID_REUSE, 1L);
    // Without the pause for "100 Continue" that curl makes before larger bodies.
    headers_ = curl_slist_append(headers_, "Expect:");
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
  }

  // Whether any byte of the request may have left. What curl counts includes the CONNECT to a proxy, after which the
  // request itself waits for the handshake with the server.
  Retry retry() const {
    long sent = 0;
    curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &sent);
    long new_connections = 0;
    curl_easy_getinfo(easy_, CURLINFO_NUM_CONNECTS, &new_connections);
    curl_off_t handshake = 0;
    curl_easy_getinfo(easy_, CURLINFO_APPCONNECT_TIME_T, &handshake);
    if (is_secure() && new_connections > 0 && handshake == 0) return Retry::later;
    return sent > 0 ? Retry::outcome_unknown : Retry::later;
  }

  Result<HttpAnswer> failure(CURLcode code) const {
    const auto where = shown_url(request_.url);
    if (sink_error_) return tl::unexpected(*sink_error_);
    if (held_back_) return fail("held back at the last moment", where, Retry::later);
    if (too_long_)
      return fail("the answer is longer than " + std::to_string(request_.max_answer_bytes) + " bytes", where, retry());
    const auto what = excerpt(error_text_[0] != '\0' ? error_text_ : curl_easy_strerror(code));
    if (!is_certificate_error(code)) return fail(what, where, retry());
    long verdict = 0;
    curl_easy_getinfo(easy_, CURLINFO_SSL_VERIFYRESULT, &verdict);
    // A certificate can be renewed or installed while a launch is still within its deadline.
    return fail(what + certificate_advice(verdict), where, Retry::later);
  }

  static int ask_to_send(void* self, char*, char*, int, int) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.held_back_ = !transfer.request_.may_send();
    return transfer.held_back_ ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
  }

  static std::size_t take_body(char* bytes, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (transfer.goes_to_sink()) return transfer.pass_to_sink({bytes, size});
    auto& body = transfer.answer_.body;
    if (body.size() + size > transfer.request_.max_answer_bytes) {
      transfer.too_long_ = true;
      return 0;
    }
    if (!transfer.turn_.may_read(self, body.size(), kFirstPart)) return CURL_WRITEFUNC_PAUSE;
    body.append(bytes, size);
    return size;
  }

  bool goes_to_sink() const {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    return request_.body_sink != nullptr && status == 200;
  }

  std::size_t pass_to_sink(std::string_view bytes) {
    if (sink_error_) return 0;
    if (!turn_.may_read(this, request_.body_sink->held(), kFirstPartOfSink)) return CURL_WRITEFUNC_PAUSE;
    if (auto taken = request_.body_sink->take(bytes); !taken) {
      sink_error_ = taken.error();
      return 0;
    }
    return bytes.size();
  }

  static std::size_t take_header(char* bytes, std::size_t, std::size_t size, void* self) {
    auto& answer = static_cast<Transfer*>(self)->answer_;
    const std::string_view line(bytes, size);
    keep_header(line, "date:", answer.date);
    keep_header(line, "retry-after:", answer.retry_after);
    return size;
  }

  static void keep_header(std::string_view line, std::string_view name, std::string& value) {
    if (line.size() <= name.size() || lower(line.substr(0, name.size())) != name) return;
    line.remove_prefix(std::min(line.find_first_not_of(' ', name.size()), line.size()));
    value = line.substr(0, std::min(line.find_first_of("\r\n"), kMaxHeaderBytes));
  }

  const HttpRequest& request_;
  Turn& turn_;
  CURL* easy_;
  curl_slist* headers_ = nullptr;
  std::shared_ptr<const std::string> certificates_;  // curl borrows them
  char error_text_[CURL_ERROR_SIZE] = "";
  HttpAnswer answer_;
  std::optional<Error> sink_error_;
  bool too_long_ = false;
  bool held_back_ = false;
};

class CurlHttp final : public Http {
 public:
  CurlHttp(const HttpOptions& options, std::stop_token stop) : options_(options), stop_(std::move(stop)) {
    start_curl_once();
    multi_ = curl_multi_init();
  }
  ~CurlHttp() override { curl_multi_cleanup(multi_); }
  CurlHttp(const CurlHttp&) = delete;
  CurlHttp& operator=(const CurlHttp&) = delete;

  void perform_all(const std::vector<HttpRequest>& requests,
                   const std::function<void(std::size_t, Result<HttpAnswer>)>& done,
                   const std::function<void()>& idle) override {
    std::size_t given = 0;
    run(
        requests.size(), [&] { return given < requests.size() ? &requests[given++] : nullptr; }, done, idle);
  }

  void perform_each(std::size_t side_by_side, const std::function<std::optional<HttpRequest>()>& next,
                    const std::function<void(std::size_t, Result<HttpAnswer>)>& done) override {
    std::deque<HttpRequest> requests;  // their addresses stay
    const auto keep = [&]() -> const HttpRequest* {
      auto request = next();
      return request ? &requests.emplace_back(std::move(*request)) : nullptr;
    };
    run(side_by_side, keep, done, {});
  }

 private:
  using Done = std::function<void(std::size_t, Result<HttpAnswer>)>;
  using NextRequest = std::function<const HttpRequest*()>;
  using Transfers = std::vector<std::unique_ptr<Transfer>>;

  void run(std::size_t side_by_side, const NextRequest& next, const Done& done, const std::function<void()>& idle) {
    Transfers transfers;
    std::size_t under_way = 0;
    start_more(transfers, under_way, side_by_side, next, done);
    while (under_way > 0 && !stop_.stop_requested()) {
      note_progress();
      int running = 0;
      curl_multi_perform(multi_, &running);
      under_way -= finish_ended(transfers, done);
      if (turn_.take_free_again())
        for (auto& transfer : transfers)
          if (transfer) transfer->go_on();
      start_more(transfers, under_way, side_by_side, next, done);
      if (under_way > 0 && idle) idle();
      if (under_way > 0) curl_multi_poll(multi_, nullptr, 0, kPollMs, nullptr);
    }
    for (std::size_t i = 0; i < transfers.size(); ++i) {
      if (!transfers[i]) continue;
      curl_multi_remove_handle(multi_, transfers[i]->easy());
      turn_.give_back(transfers[i].get());
      done(i, transfers[i]->stopped());
    }
  }

  void start_more(Transfers& transfers, std::size_t& under_way, std::size_t side_by_side, const NextRequest& next,
                  const Done& done) {
    while (under_way < side_by_side) {
      const auto* request = next();
      if (request == nullptr) return;
      transfers.emplace_back();
      const auto& headers = request->headers;
      if (std::any_of(headers.begin(), headers.end(), breaks_lines)) {
        done(transfers.size() - 1, fail("a header of the request holds a line break", shown_url(request->url)));
        continue;
      }
      transfers.back() = std::make_unique<Transfer>(*request, options_, turn_);
      curl_multi_add_handle(multi_, transfers.back()->easy());
      ++under_way;
    }
  }

  // How many have ended.
  std::size_t finish_ended(Transfers& transfers, const Done& done) {
    std::size_t ended = 0;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto code = message->data.result;
      CURL* const easy = message->easy_handle;  // the message is gone once the handle is removed
      const auto found = std::find_if(transfers.begin(), transfers.end(),
                                      [&](const auto& transfer) { return transfer && transfer->easy() == easy; });
      curl_multi_remove_handle(multi_, easy);
      auto answer = (*found)->answer(code);
      turn_.give_back(found->get());
      found->reset();
      ++ended;
      done(static_cast<std::size_t>(found - transfers.begin()), std::move(answer));
    }
    return ended;
  }

  const HttpOptions options_;
  const std::stop_token stop_;
  CURLM* multi_;
  Turn turn_;
};

}  // namespace

std::unique_ptr<Http> make_curl_http(const HttpOptions& options, std::stop_token stop) {
  return std::make_unique<CurlHttp>(options, std::move(stop));
}

}  // namespace mig_runner::api

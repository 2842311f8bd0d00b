#include "bench/http.h"

#include "bench/process.h"
#include "bench/stand.h"

namespace mig_bench {
namespace {

std::size_t append(char* bytes, std::size_t, std::size_t size, void* body) {
  static_cast<std::string*>(body)->append(bytes, size);
  return size;
}

}  // namespace

Browser::Browser() : easy_(curl_easy_init()) {
  headers_ = curl_slist_append(headers_, (std::string("X-MIGAPIKEY: ") + kApiKey).c_str());
  headers_ = curl_slist_append(headers_, "Expect:");
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
}

Browser::~Browser() {
  curl_slist_free_all(headers_);
  curl_easy_cleanup(easy_);
}

std::string Browser::perform(const std::string& url) {
  std::string body;
  curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &body);
  const auto code = curl_easy_perform(easy_);
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK || (status != 200 && status != 202))
    give_up(url + " answers " + std::to_string(status) + " (" + curl_easy_strerror(code) + "): " + body.substr(0, 300));
  return body;
}

std::string Browser::get(const std::string& url) {
  curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
  return perform(url);
}

std::string Browser::post(const std::string& url, const std::string& form_body) {
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(form_body.size()));
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, form_body.c_str());
  return perform(url);
}

std::string Browser::form(const std::string& document) {
  char* const escaped = curl_easy_escape(easy_, document.data(), static_cast<int>(document.size()));
  std::string body = std::string("action=") + escaped;
  curl_free(escaped);
  return body;
}

}  // namespace mig_bench

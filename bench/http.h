#pragma once

#include <curl/curl.h>

#include <string>

namespace mig_bench {

// libcurl as plainly as it goes: one connection that is kept. One thread.
class Browser {
 public:
  Browser();
  ~Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  // The body; gives up on any status but 200 and 202.
  std::string get(const std::string& url);
  std::string post(const std::string& url, const std::string& form_body);
  // "action=..", for post().
  std::string form(const std::string& document);

 private:
  std::string perform(const std::string& url);

  CURL* easy_;
  curl_slist* headers_ = nullptr;
};

}  // namespace mig_bench

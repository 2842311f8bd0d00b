#pragma once

#include <string>

namespace mig_sandbox {

// One HTTP request as far as the API looks at it.
struct Request {
  std::string method;
  std::string path;     // as sent, without the query
  std::string query;    // as sent, without the question mark
  std::string token;    // X-PGPAUTHORIZATION
  std::string api_key;  // X-MIGAPIKEY
  std::string body;
  std::string client;  // address

  std::string uri() const { return query.empty() ? path : path + "?" + query; }
};

struct Answer {
  int status = 200;
  std::string body;
  // Go's own "404 page not found" is plain text and may be cached; all else is JSON by its header.
  bool plain = false;
};

}  // namespace mig_sandbox

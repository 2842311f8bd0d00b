#pragma once

#include <string>
#include <utility>
#include <vector>

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
  // Its kind by its headers: Go's own "404 page not found" is plain text and may be cached, a proxy's page is HTML,
  // all else is JSON.
  enum class Type { json, plain, html };

  int status = 200;
  std::string body;
  Type type = Type::json;
  std::vector<std::pair<std::string, std::string>> headers = {};  // more of them
};

}  // namespace mig_sandbox

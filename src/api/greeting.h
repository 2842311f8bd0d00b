#pragma once

#include <optional>
#include <string>

#include "api/http.h"
#include "base/time.h"

namespace mig_runner::api {

// The server that answers at the API's address, to somebody who asks for nothing in particular.
struct Greeting {
  enum class Kind {
    accepted,  // the API took the token or API key
    refused,   // the API did not take it: 401
    trouble,   // the API cannot answer now
    nothing,   // nothing is at this address: 404
    stranger,  // something other than the API answers, such as a proxy
  };

  // Of the answer to a search that finds nothing.
  static Greeting of(HttpAnswer answer);
  bool is_of_the_api() const { return kind == Kind::accepted || kind == Kind::refused || kind == Kind::trouble; }

  Kind kind = Kind::stranger;
  std::string words;                     // the status and what the answer says: "404: page not found"
  std::optional<Timestamp> server_time;  // from its Date header, to the second
};

}  // namespace mig_runner::api

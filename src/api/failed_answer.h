#pragma once

#include <string>

#include "api/http.h"

namespace mig_runner::api {

// The Error for an answer that is not what was asked for. It tells the API's own error document from the page of a
// proxy, which says nothing of what was asked, and takes over what Retry-After asks for (RFC 9110, section 10.2.3).
// Private to the room.
Error failed_answer(HttpAnswer& answer, const std::string& where, Retry retry);

}  // namespace mig_runner::api

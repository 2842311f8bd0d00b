#pragma once

#include <string>

#include "api/api_client.h"

namespace mig_runner::api {

// The stored action that an answer to a post tells of, or what the answer proves, as ApiClient::post_actions says.
// Private to the room.
Result<StoredAction> read_post_answer(HttpAnswer& answer, const Posting& posting, const std::string& where);

}  // namespace mig_runner::api

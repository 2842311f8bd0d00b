#pragma once

#include <string_view>

namespace mig_runner::api {

// What the text of the API's own error document, answered to a post, proves. The API stores the action before it is
// done with it and answers 500 whatever went wrong, so only the text tells on which side of that it was.
enum class Refusal {
  unproven,       // the action may be stored
  of_action,      // not stored: the API refuses this action and will again
  of_signature,   // not stored: the API cannot verify the signature; another one may pass
  of_this_moment  // not stored: what failed may work later
};

// `message` as the API wrote it. Private to the room.
Refusal refusal_in(std::string_view message);

}  // namespace mig_runner::api

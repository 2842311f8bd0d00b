#pragma once

#include <string_view>

namespace mig_runner::api {

// Whether the error text of a 500 names a fault of the posted action itself, so that posting it again cannot help. The
// server answers 500 whatever went wrong; only the text tells. Private to the room.
bool is_fault_of_the_action(std::string_view message);

}  // namespace mig_runner::api

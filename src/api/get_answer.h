#pragma once

#include <string>
#include <string_view>

#include "api/http.h"
#include "base/error.h"

// How the API answers a GET. Private to the room.
namespace mig_runner::api {

// The Error for any other answer than the one that was asked for. A GET changes nothing: it can be asked again.
tl::unexpected<Error> get_failure(HttpAnswer& answer, const std::string& where);

// No more rows: the server says so with a 404.
inline constexpr std::string_view kEndOfList = "no results found";
bool is_end_of_list(HttpAnswer& answer);

// `error` with an address, if it has none yet.
Error at(Error error, const std::string& where);

}  // namespace mig_runner::api

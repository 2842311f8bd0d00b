// For what uses nlohmann's library, whose two classes are compiled once, in json.cpp.
#pragma once

#include <nlohmann/json.hpp>

#include "standard.h"

namespace nlohmann {

extern template class basic_json<>;
extern template class basic_json<ordered_map>;

namespace detail {

extern template class serializer<json>;
extern template class serializer<ordered_json>;

}  // namespace detail
}  // namespace nlohmann

#pragma once

#include <map>
#include <string>
#include <string_view>

namespace mig_sandbox {

// The fields of application/x-www-form-urlencoded text, a query or a posted form. Of several with one name the first
// counts; a field whose percent signs are wrong is left out, as Go does.
using Form = std::map<std::string, std::string, std::less<>>;
Form parse_form(std::string_view text);

}  // namespace mig_sandbox

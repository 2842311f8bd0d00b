#pragma once

#include <string_view>

namespace mig_sandbox {

enum class Case { sensitive, ignored };

// PostgreSQL's LIKE and (ignoring the case of ASCII letters) ILIKE: % is any text, _ one character, \ takes the next
// character as it stands.
bool like(std::string_view text, std::string_view pattern, Case letters);

}  // namespace mig_sandbox

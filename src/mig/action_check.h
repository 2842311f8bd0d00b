#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mig_runner::mig {

// Something that the server accepts and that the author of an action hardly meant.
struct Remark {
  std::string where;  // "LINE:COLUMN"
  std::string what;
};

// Remarks on an action.json in the order of the text: fields that are ignored or given twice, an empty target, missing
// operations, modules and parameters. None for text that Action::parse refuses.
std::vector<Remark> check_template(std::string_view json);

}  // namespace mig_runner::mig

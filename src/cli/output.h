#pragma once

#include <string>
#include <string_view>

#include "base/utf8.h"

namespace mig_runner::cli {

enum class Style { plain, bold, dim, red, yellow, green };

// `text` between the terminal's codes for `style`; as it is where `colour` is false.
std::string styled(std::string_view text, Style style, bool colour);

// The number of columns that printable text takes.
int display_width(std::string_view text);

// The first `width` columns, the last of them an ellipsis where something is cut off.
std::string shortened(std::string_view text, int width);

}  // namespace mig_runner::cli

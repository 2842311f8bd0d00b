#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "sandbox/agent/module.h"
#include "sandbox/agent/pattern.h"

namespace mig_sandbox {

// Reading inside a regular file. Both open it anew, never wait for a device, a FIFO or a terminal, keep at most some
// hundred kilobytes in memory and stop at the deadline. `decompress` reads a gzip file as what it holds. An Error's
// text reads as Go's: "open /etc/shadow: permission denied".

// For each pattern whether it holds for the file. Expressions are tried line by line; a line longer than 256 KiB counts
// as several. With `every_line` each pattern must hold for each line (MIG's macroal), and all get the same answer.
Result<std::vector<bool>> match_lines(const std::string& path, const std::vector<const Pattern*>& patterns,
                                      bool every_line, bool decompress, const Deadline& deadline);

// Upper-case hex of the digest that OpenSSL calls `algorithm`.
Result<std::string> digest_file(const std::string& path, const std::string& algorithm, bool decompress,
                                const Deadline& deadline);

// What Go says of errno ("no such file or directory").
std::string go_error_text(int error_number);

}  // namespace mig_sandbox

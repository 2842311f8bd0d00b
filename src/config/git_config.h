#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"

// The git-config syntax as Go's gcfg v1 reads it (docs/protocol.md, "Files"). Private to the room.
namespace mig_runner::config {

struct Setting {
  std::string section;  // as written
  std::string subsection;
  bool has_subsection = false;
  std::string name;  // as written; empty: the section's own line
  std::string value;
  bool blank = false;                    // a name alone, without "="
  bool cut = false;                      // a comment begins right behind the value, without a blank between them
  int line = 0, column = 0;              // of the name, or of the section's bracket
  int value_line = 0, value_column = 0;  // of the value's first byte, behind an opening quote
};

// Every section and setting in order. After a syntax error nothing more of the file is read: one problem.
std::vector<Setting> read_git_config(std::string_view text, const std::string& file, std::vector<Problem>& problems);

}  // namespace mig_runner::config

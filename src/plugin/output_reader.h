#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/file.h"

namespace mig_runner::plugin {

// Splits what comes out of a pipe into lines and passes on no more of it than is allowed. One thread at a time.
class OutputReader {
 public:
  using Line = std::function<void(std::string_view)>;

  // Takes the pipe's reading end, which must not block.
  OutputReader(UniqueFd pipe, std::size_t max_line_bytes, Line line);

  int fd() const { return pipe_.get(); }
  bool open() const { return static_cast<bool>(pipe_); }
  // Reads what is there now; closes the pipe at its end.
  void read_available();
  // A last line without a line break counts too.
  void finish();

 private:
  void take(std::string_view bytes);

  UniqueFd pipe_;
  const std::size_t max_line_bytes_;
  const Line line_;
  std::string partial_;
  bool cut_ = false;  // the line is longer than allowed: the rest of it is passed over
};

}  // namespace mig_runner::plugin

#pragma once

#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

#include "base/child.h"

namespace mig_runner::test {

struct ShellOutput {
  int status = -1;
  std::string text;  // of its standard output
};

// Runs a shell command to its end. Its standard error is that of the test.
inline ShellOutput shell(const std::string& command) {
  auto pipe = make_pipe();
  if (!pipe) throw std::runtime_error(pipe.error().text());
  auto child = Child::start({.arguments = {"/bin/sh", "-c", command},
                             .output = Stream::of(pipe->writer),
                             .errors = Stream{STDERR_FILENO, {}, 0}});
  if (!child) throw std::runtime_error(command + ": " + std::strerror(child.error()));
  pipe->writer.reset();
  ShellOutput output;
  std::array<char, 4096> buffer{};
  for (ssize_t count = 0; (count = read(pipe->reader.get(), buffer.data(), buffer.size())) > 0;)
    output.text.append(buffer.data(), static_cast<std::size_t>(count));
  output.status = child->wait().status();
  return output;
}

}  // namespace mig_runner::test

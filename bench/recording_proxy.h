#pragma once

#include <chrono>
#include <memory>
#include <vector>

namespace mig_bench {

// Passes TCP connections on to a port of this machine and remembers when the first byte of each came. Only the first
// request of a connection is looked at: the runner makes a new one for each post.
class RecordingProxy {
 public:
  explicit RecordingProxy(int to_port);
  ~RecordingProxy();

  int port() const;
  std::vector<std::chrono::system_clock::time_point> first_bytes_of_posts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mig_bench

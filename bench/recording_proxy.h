#pragma once

#include <chrono>
#include <mutex>
#include <vector>

#include "support/tcp_proxy.h"

namespace mig_bench {

// Passes TCP connections on to a port of this machine and remembers when the first byte of each came. Only the first
// request of a connection is looked at: the runner makes a new one for each post.
class RecordingProxy {
 public:
  explicit RecordingProxy(int to_port);

  int port() const { return proxy_.port(); }
  std::vector<std::chrono::system_clock::time_point> first_bytes_of_posts() const;

 private:
  mutable std::mutex mutex_;  // guards first_bytes_
  std::vector<std::chrono::system_clock::time_point> first_bytes_;
  mig_runner::test::TcpProxy proxy_;
};

}  // namespace mig_bench

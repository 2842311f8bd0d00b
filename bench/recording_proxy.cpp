#include "bench/recording_proxy.h"

#include <string_view>

namespace mig_bench {

RecordingProxy::RecordingProxy(int to_port)
    : proxy_(to_port, [this](std::string_view first) {
        const auto came = std::chrono::system_clock::now();
        if (!first.starts_with("POST")) return;
        const std::lock_guard lock(mutex_);
        first_bytes_.push_back(came);
      }) {}

std::vector<std::chrono::system_clock::time_point> RecordingProxy::first_bytes_of_posts() const {
  const std::lock_guard lock(mutex_);
  return first_bytes_;
}

}  // namespace mig_bench

#include "api/page_size.h"

#include <algorithm>

namespace mig_runner::api {
namespace {

constexpr std::int64_t kPageBytes = std::int64_t{16} << 20U;
constexpr std::int64_t kPageMilliseconds = 20'000;  // a third of what a page may take

}  // namespace

PageSize::PageSize(std::int64_t most) : most_(most), rows_(most) {}

void PageSize::came(std::int64_t rows, std::size_t bytes, std::chrono::milliseconds took) {
  if (rows <= 0) return;
  const auto by_bytes = kPageBytes * rows / std::max<std::int64_t>(static_cast<std::int64_t>(bytes), 1);
  const auto by_time = kPageMilliseconds * rows / std::max<std::int64_t>(took.count(), 1);
  rows_ = std::clamp<std::int64_t>(std::min({by_bytes, by_time, rows * 4}), 1, most_);
}

void PageSize::shrink_to(std::int64_t rows) {
  rows_ = std::clamp<std::int64_t>(rows, 1, rows_);
}

}  // namespace mig_runner::api

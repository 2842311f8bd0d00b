#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace mig_runner::api {

// How many rows the next page should have, from what earlier pages were like: at most 16 MiB and 20 s a page. Private
// to the room.
class PageSize {
 public:
  explicit PageSize(std::int64_t most);

  std::int64_t rows() const { return rows_; }
  // A page came: it had so many rows. Grows at most fourfold; shrinks at once.
  void came(std::int64_t rows, std::size_t bytes, std::chrono::milliseconds took);
  // A page was too much for the API or the line: at most `rows` next.
  void shrink_to(std::int64_t rows);

 private:
  std::int64_t most_;
  std::int64_t rows_;
};

}  // namespace mig_runner::api

#pragma once

#include <cstddef>
#include <string_view>

namespace mig_runner::api {

// Bytes that are added at the end and dropped at the front. It grows without being copied, and what it grew by is given
// back to the system once it is needed no more: malloc may keep up to 64 MiB a thread. Private to the room.
class GrowingBuffer {
 public:
  GrowingBuffer() = default;
  ~GrowingBuffer();
  GrowingBuffer(const GrowingBuffer&) = delete;
  GrowingBuffer& operator=(const GrowingBuffer&) = delete;

  // Throws std::bad_alloc, as everything that allocates.
  void append(std::string_view bytes);
  void drop_front(std::size_t bytes);
  std::string_view view() const { return {data_, size_}; }
  std::size_t size() const { return size_; }

 private:
  void resize(std::size_t capacity);

  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace mig_runner::api

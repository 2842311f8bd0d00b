#include "api/growing_buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace mig_runner::api {
namespace {

constexpr std::size_t kKeptBytes = std::size_t{256} << 10U;

}  // namespace

GrowingBuffer::~GrowingBuffer() {
  if (data_ != nullptr) munmap(data_, capacity_);
}

void GrowingBuffer::resize(std::size_t capacity) {
  void* const memory = data_ == nullptr
                           ? mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                           : mremap(data_, capacity_, capacity, MREMAP_MAYMOVE);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<char*>(memory);
  capacity_ = capacity;
}

void GrowingBuffer::append(std::string_view bytes) {
  if (bytes.empty()) return;
  if (size_ + bytes.size() > capacity_) {
    auto capacity = std::max(capacity_, kKeptBytes);
    while (capacity < size_ + bytes.size()) capacity *= 2;
    resize(capacity);
  }
  std::memcpy(data_ + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

void GrowingBuffer::drop_front(std::size_t bytes) {
  if (bytes == 0) return;
  size_ -= bytes;
  std::memmove(data_, data_ + bytes, size_);
  if (capacity_ > kKeptBytes && size_ <= kKeptBytes) resize(kKeptBytes);
}

}  // namespace mig_runner::api

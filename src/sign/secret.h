#pragma once

#include <string>
#include <utility>

namespace mig_runner::sign {

// Overwrites all of the string's memory and leaves it empty.
void wipe(std::string& text) noexcept;

// Text that must not be logged; wiped when destroyed. Not copyable by accident.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret() { wipe(text_); }
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

}  // namespace mig_runner::sign

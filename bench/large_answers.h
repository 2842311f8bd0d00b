#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace mig_bench {

// An API on loopback with one completed action, whose commands have answers as large as is wished. It makes them up
// while it sends them.
class LargeAnswers {
 public:
  struct Shape {
    int commands = 0;
    std::size_t bytes = 0;              // of each
    std::size_t first_bytes = 0;        // of the first one; 0: as the others
    std::string filling = R"("xxx",)";  // elements of the answer's list, each with its comma
  };

  explicit LargeAnswers(const Shape& shape);
  ~LargeAnswers();
  LargeAnswers(const LargeAnswers&) = delete;
  LargeAnswers& operator=(const LargeAnswers&) = delete;

  int port() const;
  // As the API lists it.
  const nlohmann::json& action() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mig_bench

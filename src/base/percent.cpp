#include "base/percent.h"

#include "base/hex.h"

namespace mig_runner {

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string encoded;
  for (const char& c : text) {
    if (kUnreserved.find(c) != std::string_view::npos)
      encoded += c;
    else
      encoded += '%' + upper_hex(std::string_view(&c, 1));
  }
  return encoded;
}

}  // namespace mig_runner

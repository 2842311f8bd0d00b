#include "sandbox/base/parameters.h"

#include <zlib.h>

#include <array>
#include <cstdint>

namespace mig_sandbox {
namespace {

using mig_runner::fail;
using mig_runner::Result;

constexpr std::size_t kMostBytes = 16U << 20U;
constexpr int kGzip = 16;  // to be added to zlib's window bits

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

Result<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int have = 0;
  std::size_t digits = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos || padding != 0) return fail("illegal base64 data");
    ++digits;
    bits = bits << 6U | static_cast<std::uint32_t>(digit);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    bytes += static_cast<char>(bits >> static_cast<unsigned>(have) & 0xFFU);
  }
  if ((digits + padding) % 4 != 0 || padding > 2) return fail("illegal base64 data");
  return bytes;
}

Result<std::string> decompress(std::string_view base64) {
  const auto packed = decode_base64(base64);
  if (!packed) return tl::unexpected(packed.error());
  z_stream stream{};
  if (inflateInit2(&stream, kGzip + MAX_WBITS) != Z_OK) return fail("zlib cannot start");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed->data()));
  stream.avail_in = static_cast<uInt>(packed->size());
  std::string text;
  std::array<char, 16384> chunk{};
  int code = Z_OK;
  while (code == Z_OK && text.size() <= kMostBytes) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = chunk.size();
    code = inflate(&stream, Z_NO_FLUSH);
    text.append(chunk.data(), chunk.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (code != Z_STREAM_END) return fail("the compressed parameters are not gzip, damaged or too long");
  return text;
}

}  // namespace mig_sandbox

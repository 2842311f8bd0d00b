#include "mig/gzip.h"

#include <zlib.h>

#include <limits>

namespace mig_runner::mig {
namespace {

constexpr int kGzipFormat = 16;  // added to the window's bits: a gzip header and trailer in place of zlib's
constexpr int kMemoryLevel = 8;

// zlib counts in unsigned int, and its interface takes input as a pointer to non-const for old compilers' sake.
Result<std::string> gzip(std::string_view text) {
  if (text.size() > std::numeric_limits<uInt>::max() / 2) return fail("more than 2 GiB cannot be compressed");
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzipFormat, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    return fail("not enough memory to compress", {}, Retry::later);
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) return fail("the compressor stopped early", {}, Retry::later);
  return out;
}

}  // namespace

Result<std::string> gzip_base64(std::string_view text) {
  return gzip(text).map([](const std::string& bytes) { return base64(bytes); });
}

std::string base64(std::string_view bytes) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::string_view group = bytes.substr(i, 3);
    unsigned bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8U | (k < group.size() ? static_cast<unsigned char>(group[k]) : 0);
    for (std::size_t k = 0; k < 4; ++k) out += k <= group.size() ? kAlphabet[bits >> (18 - 6 * k) & 0x3FU] : '=';
  }
  return out;
}

}  // namespace mig_runner::mig

#include "runner/result_file.h"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <ios>
#include <streambuf>
#include <string>
#include <vector>

#include "base/progress.h"

namespace mig_runner::runner {
namespace {

using namespace std::string_view_literals;

// Longer than any tail: a job's name has at most 200 bytes, a plugin's at most 255, each escaped to six at most.
constexpr std::streamoff kTailBytes = 4096;
constexpr std::size_t kPieceBytes = std::size_t{256} << 10U;
constexpr std::string_view kPlainHead = R"({"action":)";
constexpr std::string_view kCompressedHead = "\x28\xB5\x2F\xFD"sv;
// A frame that whoever decompresses skips (RFC 8878, section 3.1.2): a file without it was cut off.
constexpr std::string_view kCompressedTail = "\x50\x2A\x4D\x18\x0A\x00\x00\x00mig-result"sv;

struct FreeDecompressor {
  void operator()(ZSTD_DCtx* decompressor) const { ZSTD_freeDCtx(decompressor); }
};

class Decompressed final : public std::streambuf {
 public:
  explicit Decompressed(UniqueFd file)
      : file_(std::move(file)),
        decompressor_(ZSTD_createDCtx()),
        in_(ZSTD_DStreamInSize()),
        out_(ZSTD_DStreamOutSize()) {}

 private:
  // An exception makes the stream bad().
  int_type underflow() override {
    ZSTD_outBuffer out{out_.data(), out_.size(), 0};
    while (out.pos == 0) {
      if (input_.pos == input_.size && !refill()) return traits_type::eof();
      const auto left = ZSTD_decompressStream(decompressor_.get(), &out, &input_);
      if (ZSTD_isError(left) != 0) throw std::ios_base::failure("damaged");
      in_frame_ = left != 0;
    }
    setg(out_.data(), out_.data(), out_.data() + out.pos);
    return traits_type::to_int_type(*gptr());
  }

  bool refill() {
    ssize_t size = 0;
    do size = read(file_.get(), in_.data(), in_.size());
    while (size < 0 && errno == EINTR);
    if (size < 0 || (size == 0 && in_frame_)) throw std::ios_base::failure("cut off");
    input_ = {in_.data(), static_cast<std::size_t>(size), 0};
    return size > 0;
  }

  UniqueFd file_;
  std::unique_ptr<ZSTD_DCtx, FreeDecompressor> decompressor_;
  std::vector<char> in_, out_;
  ZSTD_inBuffer input_{nullptr, 0, 0};
  bool in_frame_ = false;
};

class DecompressedStream final : public std::istream {
 public:
  explicit DecompressedStream(UniqueFd file) : std::istream(nullptr), buffer_(std::move(file)) { rdbuf(&buffer_); }

 private:
  Decompressed buffer_;
};

}  // namespace

bool is_compressed_result(const std::filesystem::path& path) {
  return path.extension() == kCompressedEnding;
}

void ResultFile::FreeCompressor::operator()(ZSTD_CCtx_s* compressor) const {
  ZSTD_freeCCtx(compressor);
}

Result<ResultFile> ResultFile::create(const std::filesystem::path& path) {
  auto file = DurableFile::create(path);
  if (!file) return tl::unexpected(file.error());
  ResultFile result(std::move(*file));
  if (is_compressed_result(path)) {
    result.compressor_.reset(ZSTD_createCCtx());
    ZSTD_CCtx_setParameter(result.compressor_.get(), ZSTD_c_checksumFlag, 1);
  }
  return result;
}

Result<void> ResultFile::compress(std::string_view bytes, bool end) {
  std::array<char, std::size_t{64} * 1024> buffer;
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  while (true) {
    ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
    const auto left = ZSTD_compressStream2(compressor_.get(), &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left) != 0) return fail(std::string("zstd: ") + ZSTD_getErrorName(left), {}, Retry::later);
    if (auto written = file_.write({buffer.data(), out.pos}); !written) return written;
    if (end ? left == 0 : in.pos == in.size) return {};
  }
}

Result<void> ResultFile::write(std::string_view bytes) {
  return compressor_ ? compress(bytes, false) : file_.write(bytes);
}

Result<void> ResultFile::commit() {
  if (compressor_) {
    if (auto done = compress({}, true); !done) return done;
    if (auto written = file_.write(kCompressedTail); !written) return written;
  }
  return file_.commit();
}

Result<std::unique_ptr<std::istream>> open_result(const std::filesystem::path& path) {
  if (!is_compressed_result(path)) {
    auto plain = std::make_unique<std::ifstream>(path, std::ios::binary);
    if (!*plain) return fail("the result file cannot be opened", path);
    return plain;
  }
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return fail_errno("the result file cannot be opened", path);
  return std::make_unique<DecompressedStream>(std::move(file));
}

Result<void> read_result(const std::filesystem::path& path, mig::ResultReader& reader) {
  const auto opened = open_result(path);
  if (!opened) return fail(opened.error().what, path, Retry::later);
  auto& in = **opened;
  std::vector<char> piece(kPieceBytes);
  while (in) {
    note_progress();
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (in.bad()) return fail("the result file is damaged: it cannot be decompressed", path);
    const std::string_view bytes(piece.data(), static_cast<std::size_t>(in.gcount()));
    if (auto read = reader.read(bytes); !read) return fail(read.error().what, path);
  }
  if (auto whole = reader.finish(); !whole) return fail(whole.error().what, path);
  return {};
}

Result<void> check_result_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return fail("the result file cannot be opened", path);
  const std::streamoff size = file.tellg();
  const bool compressed = is_compressed_result(path);
  const auto expected = compressed ? kCompressedHead : kPlainHead;
  std::string head(expected.size(), '\0');
  std::string tail(static_cast<std::size_t>(std::min(size, kTailBytes)), '\0');
  file.seekg(0);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  file.clear();
  file.seekg(size - static_cast<std::streamoff>(tail.size()));
  file.read(tail.data(), static_cast<std::streamsize>(tail.size()));
  const bool whole = compressed ? tail.ends_with(kCompressedTail)
                                : tail.rfind(R"(],"name":")") != std::string::npos && tail.ends_with("\"}");
  if (head == expected && whole) return {};
  return fail("the result file is damaged: it is not a whole result document", path);
}

}  // namespace mig_runner::runner

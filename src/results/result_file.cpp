#include "results/result_file.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "base/progress.h"

namespace mig_runner::results {
namespace {

using namespace std::string_view_literals;

// Longer than any tail: a job's name has at most 200 bytes, a plugin's at most 255, each escaped to six at most.
constexpr off_t kTailBytes = 4096;
constexpr std::size_t kPieceBytes = std::size_t{256} << 10U;
constexpr std::string_view kPlainHead = R"({"action":)";
constexpr std::string_view kCompressedHead = "\x28\xB5\x2F\xFD"sv;
// A frame that whoever decompresses skips (RFC 8878, section 3.1.2): a file without it was cut off.
constexpr std::string_view kCompressedTail = "\x50\x2A\x4D\x18\x0A\x00\x00\x00mig-result"sv;

// Zero at the end of the file.
Result<std::size_t> read_bytes(const UniqueFd& file, const std::filesystem::path& path, std::vector<char>& into) {
  ssize_t size = 0;
  do size = read(file.get(), into.data(), into.size());
  while (size < 0 && errno == EINTR);
  if (size < 0) return fail_errno("the result file cannot be read", path);
  return static_cast<std::size_t>(size);
}

// Up to `bytes.size()` bytes from `offset` on; fewer where the file ends.
Result<void> read_at(const UniqueFd& file, off_t offset, std::string& bytes, const std::filesystem::path& path) {
  std::size_t size = 0;
  while (size < bytes.size()) {
    const auto got = pread(file.get(), bytes.data() + size, bytes.size() - size, offset + static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("the result file cannot be read", path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  bytes.resize(size);
  return {};
}

// Nullopt: there is none.
Result<std::optional<UniqueFd>> open_file(const PathBelow& path) {
  return open_regular_below(path).map_error([](Error error) {
    error.what = "the result file cannot be opened: " + error.what;
    error.retry = Retry::later;
    return error;
  });
}

}  // namespace

bool is_compressed_result(const std::filesystem::path& path) {
  return path.extension() == kCompressedEnding;
}

void ResultFile::FreeCompressor::operator()(ZSTD_CCtx_s* compressor) const {
  ZSTD_freeCCtx(compressor);
}

Result<ResultFile> ResultFile::create(const PathBelow& path) {
  auto file = DurableFile::create(path);
  // Somebody can clear its way.
  if (!file) return fail(file.error().what, file.error().where, Retry::later);
  ResultFile result(std::move(*file));
  if (is_compressed_result(path.relative)) {
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

void ResultPieces::FreeDecompressor::operator()(ZSTD_DCtx_s* decompressor) const {
  ZSTD_freeDCtx(decompressor);
}

ResultPieces::ResultPieces(UniqueFd file, std::filesystem::path path) : file_(std::move(file)), path_(std::move(path)) {
  if (!is_compressed_result(path_)) {
    out_.resize(kPieceBytes);
    return;
  }
  decompressor_.reset(ZSTD_createDCtx());
  in_.resize(ZSTD_DStreamInSize());
  out_.resize(ZSTD_DStreamOutSize());
}

Result<std::optional<ResultPieces>> ResultPieces::open(const PathBelow& path) {
  auto file = open_file(path);
  if (!file) return tl::unexpected(file.error());
  if (!*file) return std::nullopt;
  return ResultPieces(std::move(**file), path.whole());
}

Result<std::string_view> ResultPieces::next() {
  return decompressor_ ? decompress_some() : read_some();
}

Result<std::string_view> ResultPieces::read_some() {
  const auto size = read_bytes(file_, path_, out_);
  if (!size) return tl::unexpected(size.error());
  return std::string_view(out_.data(), *size);
}

Result<std::string_view> ResultPieces::decompress_some() {
  const auto damaged = [&] { return fail("the result file is damaged: it cannot be decompressed", path_); };
  ZSTD_outBuffer out{out_.data(), out_.size(), 0};
  while (out.pos == 0) {
    if (input_.empty()) {
      const auto size = read_bytes(file_, path_, in_);
      if (!size) return tl::unexpected(size.error());
      if (*size == 0 && in_frame_) return damaged();
      if (*size == 0) break;
      input_ = {in_.data(), *size};
    }
    ZSTD_inBuffer in{input_.data(), input_.size(), 0};
    const auto left = ZSTD_decompressStream(decompressor_.get(), &out, &in);
    if (ZSTD_isError(left) != 0) return damaged();
    input_.remove_prefix(in.pos);
    in_frame_ = left != 0;
  }
  return std::string_view(out_.data(), out.pos);
}

Result<void> read_result(const PathBelow& path, results::ResultReader& reader) {
  auto pieces = ResultPieces::open(path);
  if (!pieces) return tl::unexpected(pieces.error());
  if (!*pieces) return fail("there is no such result file", path.whole(), Retry::later);
  while (true) {
    note_progress();
    const auto piece = (*pieces)->next();
    if (!piece) return tl::unexpected(piece.error());
    if (piece->empty()) break;
    if (auto read = reader.read(*piece); !read) return fail(read.error().what, path.whole());
  }
  if (auto whole = reader.finish(); !whole) return fail(whole.error().what, path.whole());
  return {};
}

Result<bool> check_result_file(const PathBelow& path) {
  const auto file = open_file(path);
  if (!file) return tl::unexpected(file.error());
  if (!*file) return false;
  const auto whole_path = path.whole();
  struct stat status {};
  if (fstat((*file)->get(), &status) != 0) return fail_errno("the result file cannot be read", whole_path);
  const bool compressed = is_compressed_result(path.relative);
  const auto expected = compressed ? kCompressedHead : kPlainHead;
  std::string head(expected.size(), '\0');
  std::string tail(static_cast<std::size_t>(std::min(status.st_size, kTailBytes)), '\0');
  if (auto read = read_at(**file, 0, head, whole_path); !read) return tl::unexpected(read.error());
  if (auto read = read_at(**file, std::max<off_t>(status.st_size - kTailBytes, 0), tail, whole_path); !read)
    return tl::unexpected(read.error());
  const bool whole = compressed ? tail.ends_with(kCompressedTail)
                                : tail.rfind(R"(],"name":")") != std::string::npos && tail.ends_with("\"}");
  if (head == expected && whole) return true;
  return fail("the result file is damaged: it is not a whole result document", whole_path);
}

}  // namespace mig_runner::results

#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/path_below.h"
#include "results/result_reader.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace mig_runner::results {

// Result files are JSON; those whose names end so, a zstd stream of it.
inline constexpr std::string_view kCompressedEnding = ".zst";
bool is_compressed_result(const std::filesystem::path& path);

// Writes a result file in the form that its name says. It appears whole at commit() or not at all; as a stream: no more
// than a few hundred KB are held. One thread at a time.
class ResultFile {
 public:
  static Result<ResultFile> create(const PathBelow& path);

  Result<void> write(std::string_view bytes);
  Result<void> commit();

 private:
  struct FreeCompressor {
    void operator()(ZSTD_CCtx_s* compressor) const;
  };

  explicit ResultFile(DurableFile file) : file_(std::move(file)) {}
  Result<void> compress(std::string_view bytes, bool end);

  DurableFile file_;
  std::unique_ptr<ZSTD_CCtx_s, FreeCompressor> compressor_;  // none: as it is
};

// Of all that reads result files: only what a file holds condemns it, which is an Error with Retry::no. A file that
// cannot be opened or read, or is none, is an Error with Retry::later: it is left as it is, and looked at again.

// The plain JSON of a result file of either form, a piece at a time, as it is read. One thread at a time.
class ResultPieces {
 public:
  // Nullopt: there is no file.
  static Result<std::optional<ResultPieces>> open(const PathBelow& path);

  // At most a few hundred KB, until the next call. Empty at the end.
  Result<std::string_view> next();

 private:
  struct FreeDecompressor {
    void operator()(ZSTD_DCtx_s* decompressor) const;
  };

  ResultPieces(UniqueFd file, std::filesystem::path path);
  Result<std::string_view> read_some();
  Result<std::string_view> decompress_some();

  UniqueFd file_;
  std::filesystem::path path_;
  std::unique_ptr<ZSTD_DCtx_s, FreeDecompressor> decompressor_;  // none: as it is
  std::vector<char> in_, out_;
  std::string_view input_;  // what is not decompressed yet
  bool in_frame_ = false;
};

// Passes all of a result file of either form to `reader`. An Error names the file.
Result<void> read_result(const PathBelow& path, results::ResultReader& reader);

// Whether a result file is there; its beginning and its end are those of a result document: what is left of one that
// was cut or overwritten later is an Error, at the cost of two small reads.
Result<bool> check_result_file(const PathBelow& path);

}  // namespace mig_runner::results

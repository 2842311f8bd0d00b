#pragma once

#include <filesystem>
#include <istream>
#include <memory>
#include <string_view>

#include "base/file.h"
#include "mig/result_reader.h"

struct ZSTD_CCtx_s;

namespace mig_runner::runner {

// Result files are JSON; those whose names end so, a zstd stream of it.
inline constexpr std::string_view kCompressedEnding = ".zst";
bool is_compressed_result(const std::filesystem::path& path);

// Writes a result file in the form that its name says. It appears whole at commit() or not at all; as a stream: no more
// than a few hundred KB are held. One thread at a time.
class ResultFile {
 public:
  static Result<ResultFile> create(const std::filesystem::path& path);

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

// The plain JSON of a result file of either form, as a stream that holds no more than a few hundred KB. What cannot be
// read or decompressed makes the stream bad(), as does a compressed file that was cut off.
Result<std::unique_ptr<std::istream>> open_result(const std::filesystem::path& path);

// Passes all of a result file of either form to `reader`. An Error names the file;
// Retry::later: it cannot be opened, which may pass.
Result<void> read_result(const std::filesystem::path& path, mig::ResultReader& reader);

// Whether a result file is there and has the beginning and the end of a result document: what is left of one that was
// cut or overwritten later fails, at the cost of two small reads. The Error says what is wrong.
Result<void> check_result_file(const std::filesystem::path& path);

}  // namespace mig_runner::runner

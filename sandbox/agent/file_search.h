#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "sandbox/agent/file_info.h"
#include "sandbox/agent/pattern.h"

namespace mig_sandbox {

using mig_runner::Result;
using mig_runner::Timestamp;

enum class CheckKind { name, size, mode, mtime, content, md5, sha1, sha2, sha3 };

// One filter of a search, with the files that passed it (kept here only where the search is not `matchall`).
struct Check {
  CheckKind kind = CheckKind::name;
  std::string value;  // as it was asked
  bool mismatch = false;
  std::optional<Pattern> pattern;  // name, mode, content
  bool greater = false;            // size, mtime: ">", else "<"
  std::int64_t bound = 0;          // bytes, or seconds of age
  std::string algorithm;           // hashes: OpenSSL's name
  std::vector<FileInfo> hits;

  // For the kinds that need nothing but the metadata: name, size, mode, mtime.
  bool metadata_holds(const FileInfo& file, Timestamp now) const;
};

struct SearchOptions {
  bool match_all = false;
  bool macroal = false;
  bool return_sha256 = false;
  bool decompress = false;
  std::size_t match_limit = 0;
  std::size_t max_depth = 0;
  std::size_t max_errors = 0;
  std::optional<std::vector<std::string>> mismatch;
};

struct FileSearch {
  std::string label;
  std::vector<std::string> paths;
  SearchOptions options;
  std::vector<Check> metadata_checks;  // in the order name, size, mode, mtime
  std::vector<Check> content_checks;   // contents, then the hashes
  std::vector<FileInfo> hits;          // of a `matchall` search

  std::size_t hit_count() const;
};

// The searches of the file module's parameters; an Error says what is wrong in them.
Result<std::vector<FileSearch>> parse_searches(const nlohmann::json& parameters);

// The name of a kind in parameters and results ("names", "sha2").
std::string_view parameter_name(CheckKind kind);

}  // namespace mig_sandbox

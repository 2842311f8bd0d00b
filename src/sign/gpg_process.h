#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace mig_runner::sign {

struct GpgOutput {
  std::string out;
  std::string err;
};

constexpr std::chrono::milliseconds kGpgLimit = std::chrono::seconds(30);  // gpg computes for less than a second

// Runs `program` (gpg, or another of GnuPG's) for the keys in `home`, with `input` (at most 64 KiB) as its standard
// input, until it ends, whatever its exit status. A program that takes longer than `limit` is killed with its children.
// Errors: the program is not installed, does not start, was killed.
Result<GpgOutput> run_gpg(const std::string& program, const std::filesystem::path& home,
                          const std::vector<std::string>& arguments, std::string_view input = {},
                          std::chrono::milliseconds limit = kGpgLimit);

}  // namespace mig_runner::sign

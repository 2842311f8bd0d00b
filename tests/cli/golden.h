#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "support/scratch_directory.h"

namespace mig_runner::cli {

// Compares with tests/cli/golden/NAME. With MIG_UPDATE_GOLDEN set in the environment the file is written instead, to be
// read before it is committed.
inline void expect_golden(const std::string& name, const std::string& text) {
  const auto path = std::filesystem::path(MIG_TEST_DATA "/../cli/golden") / name;
  if (std::getenv("MIG_UPDATE_GOLDEN") != nullptr) return test::write_text(path, text);
  ASSERT_TRUE(std::filesystem::exists(path)) << "there is no " << path;
  EXPECT_EQ(test::read_text(path), text) << name;
}

}  // namespace mig_runner::cli

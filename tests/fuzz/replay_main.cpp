// Runs every file of tests/fuzz/corpus/NAME through the target of that name.

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "fuzz/target.h"
#include "support/scratch_directory.h"

namespace mig_runner::fuzz {
namespace {

std::map<std::string, Target>& targets() {
  static std::map<std::string, Target> all;
  return all;
}

TEST(FuzzReplay, EveryTargetTakesItsCorpus) {
  ASSERT_GE(targets().size(), 9U);
  for (const auto& [name, target] : targets()) {
    int files = 0;
    for (const auto& file : std::filesystem::directory_iterator(std::string(MIG_FUZZ_CORPUS) + "/" + name)) {
      SCOPED_TRACE(file.path());
      const auto bytes = test::read_text(file.path());
      target(bytes);
      // Cut anywhere it must come back too; long ones at some places only.
      const auto step = 1 + bytes.size() / 64;
      for (std::size_t size = 0; size < bytes.size(); size += step) target(std::string_view(bytes).substr(0, size));
      ++files;
    }
    EXPECT_GE(files, 3) << name;
  }
}

}  // namespace

void add_target(const char* name, Target target) {
  targets()[name] = target;
}

}  // namespace mig_runner::fuzz

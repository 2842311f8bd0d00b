// Each line of the table of threats in docs/security.md names tests that are there.

#include <gmock/gmock.h>

#include <regex>
#include <set>
#include <sstream>

#include "support/scratch_directory.h"

namespace mig_runner {
namespace {

namespace fs = std::filesystem;

const fs::path kTests = fs::path(MIG_TEST_DATA) / "..";

// The second parts of TEST(Suite, Name), TEST_F and TEST_P, and the suites.
std::set<std::string> all_tests() {
  static const std::regex kTest(R"(TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\))");
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(kTests)) {
    if (entry.path().extension() != ".cpp") continue;
    const auto text = test::read_text(entry.path());
    for (std::sregex_iterator match(text.begin(), text.end(), kTest), end; match != end; ++match) {
      names.insert((*match)[1]);
      names.insert((*match)[2]);
      names.insert((*match)[1].str() + "." + (*match)[2].str());
    }
  }
  return names;
}

std::vector<std::string> threats() {
  std::istringstream lines(test::read_text(kTests / "../docs/security.md"));
  std::vector<std::string> rows;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) inside = line == "## Threats";
    if (inside && line.starts_with("| ") && !line.starts_with("| ---") && !line.starts_with("| somebody"))
      rows.push_back(line);
  }
  return rows;
}

TEST(SecurityTable, EachLineHasATestThatIsThere) {
  static const std::regex kName("(fuzzers? )?`([^`]*)`(, `([a-z]+)`)?");
  const auto tests = all_tests();
  const auto rows = threats();
  ASSERT_GT(rows.size(), 15U);
  for (const auto& row : rows) {
    const auto last = row.substr(row.rfind(" | ", row.size() - 4));
    // The one threat that nothing stops says so.
    if (row.find("**nothing**") != std::string::npos) continue;
    int found = 0;
    for (std::sregex_iterator match(last.begin(), last.end(), kName), end; match != end; ++match, ++found) {
      const bool fuzzer = (*match)[1].matched;
      const auto name = (*match)[2].str();
      if (fuzzer) {
        EXPECT_TRUE(fs::exists(kTests / "fuzz" / (name + "_fuzz.cpp"))) << name;
      } else {
        EXPECT_TRUE(tests.contains(name)) << name << " in " << row;
      }
    }
    EXPECT_GT(found, 0) << row;
  }
}

}  // namespace
}  // namespace mig_runner

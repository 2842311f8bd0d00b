// docs/commands.md against the keys that --json prints.

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "support/scratch_directory.h"

namespace mig_runner::cli {
namespace {

// States and words of agents are keys where something is counted.
const std::set<std::string> kCounted{"runs", "agents"};

void collect_keys(const nlohmann::json& json, std::set<std::string>& keys) {
  if (json.is_array())
    for (const auto& element : json) collect_keys(element, keys);
  if (!json.is_object()) return;
  for (const auto& [key, value] : json.items()) {
    keys.insert(key);
    if (!(kCounted.contains(key) && value.is_object())) collect_keys(value, keys);
  }
}

TEST(CommandsDocument, NamesEveryKeyOfTheJson) {
  const auto root = std::filesystem::path(MIG_TEST_DATA "/../cli");
  const auto document = test::read_text(root / "../../docs/commands.md");
  std::set<std::string> keys;
  for (const auto& entry : std::filesystem::directory_iterator(root / "golden")) {
    if (entry.path().extension() != ".json") continue;
    const auto text = test::read_text(entry.path());
    collect_keys(nlohmann::json::parse(text.substr(0, text.find("\n-- "))), keys);
  }
  EXPECT_GT(keys.size(), 50U);
  for (const auto& key : keys) EXPECT_NE(document.find("`" + key + "`"), std::string::npos) << key;
}

}  // namespace
}  // namespace mig_runner::cli

#include "results/result_reader.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "results/result_document.h"
#include "support/scratch_directory.h"

namespace mig_runner::results {
namespace {

using Parts = std::vector<std::string>;

struct Read {
  std::string action;
  Parts commands;
  std::string error;
};

Read read(const std::string& document, std::size_t piece) {
  Read read;
  ResultReader reader(
      [&](std::string_view json) -> Result<void> {
        read.action = json;
        return {};
      },
      [&](std::string_view json) -> Result<void> {
        read.commands.emplace_back(json);
        return {};
      });
  for (std::size_t i = 0; i < document.size(); i += piece) {
    if (const auto taken = reader.read(std::string_view(document).substr(i, piece)); !taken) {
      read.error = taken.error().what;
      return read;
    }
  }
  if (const auto finished = reader.finish(); !finished) read.error = finished.error().what;
  return read;
}

TEST(ResultReader, TakesEverySampleApartHoweverItIsCut) {
  int samples = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(MIG_TEST_DATA) + "/samples")) {
    const auto text = test::read_text(entry.path());
    const auto document = nlohmann::json::parse(text);
    if (!document.is_object() || !document.contains("commands")) continue;
    ++samples;
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, text.size()}) {
      const auto parts = read(text, piece);
      EXPECT_EQ(parts.error, "") << entry.path();
      EXPECT_EQ(nlohmann::json::parse(parts.action), document["action"]);
      ASSERT_EQ(parts.commands.size(), document["commands"].size());
      for (std::size_t i = 0; i < parts.commands.size(); ++i)
        EXPECT_EQ(nlohmann::json::parse(parts.commands[i]), document["commands"][i]);
    }
  }
  EXPECT_GT(samples, 3);
}

TEST(ResultReader, BracketsAndQuotesInTextsMeanNothing) {
  const std::string action = R"({"name":"}]{[\"\\","x":[[],{"commands":[{}]}]})";
  const std::string command = R"({"id":1,"a":"\\\"}","commands":[{"b":"]"}]})";
  const auto parts =
      read(result_head(action) + command + "," + command + result_tail("a \"job\" ]}", "{\"commands\":["), 1);
  EXPECT_EQ(parts.error, "");
  EXPECT_EQ(parts.action, action);
  EXPECT_THAT(parts.commands, testing::ElementsAre(command, command));
}

TEST(ResultReader, RefusesWhatIsNotWhole) {
  const std::string whole = result_head(R"({"id":1})") + R"({"id":2})" + result_tail("job", "plugin");
  EXPECT_EQ(read(whole, 3).error, "");
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(read(whole.substr(0, length), 3).error, "") << length;
  EXPECT_NE(read(whole + "{", 3).error, "");
  EXPECT_NE(read("[]", 3).error, "");
  EXPECT_NE(read("{}", 3).error, "");
  EXPECT_NE(read(R"({"action":{"a":[}},"commands":[]})", 3).error, "");
  EXPECT_NE(read(R"({"commands":[{}],"action":{}})", 3).error, "");
}

TEST(ResultReader, RefusesWhatNestsDeeperThanAReaderCanFollow) {
  const auto nested = [](std::size_t depth) {
    return result_head("{}") + R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}" +
           result_tail("", "");
  };
  EXPECT_EQ(read(nested(1000), 4096).error, "");
  EXPECT_NE(read(nested(1024), 4096).error.find("1024 deep"), std::string::npos);
  EXPECT_NE(read(nested(10'000'000), 4096).error, "");
}

TEST(ResultReader, EndsWhereItsUserDoes) {
  ResultReader reader([](std::string_view) -> Result<void> { return {}; },
                      [](std::string_view) -> Result<void> { return fail("enough"); });
  const auto ended = reader.read(result_head("{}") + "{}" + result_tail("", ""));
  ASSERT_FALSE(ended.has_value());
  EXPECT_EQ(ended.error().what, "enough");
}

}  // namespace
}  // namespace mig_runner::results

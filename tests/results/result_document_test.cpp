#include "results/result_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "mig/action.h"
#include "support/scratch_directory.h"

namespace mig_runner::results {
namespace {

using testing::HasSubstr;
using Json = nlohmann::ordered_json;

std::vector<std::filesystem::path> sample_paths() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(MIG_TEST_DATA "/samples")) paths.push_back(entry.path());
  return paths;
}

// What the original writes when it has launched: the sample before its results were fetched.
std::string inflight_of(const std::string& sample) {
  const std::size_t commands = sample.find(R"(,"commands":[)");
  const std::size_t tail = sample.rfind(R"(],"name":)");
  return sample.substr(0, commands) + R"(,"commands":null)" + sample.substr(tail + 1);
}

TEST(ResultDocument, StreamsTheSamplesByteForByte) {
  ASSERT_EQ(sample_paths().size(), 6U);
  for (const auto& path : sample_paths()) {
    const auto sample = test::read_text(path);
    const auto document = Json::parse(sample);
    const std::size_t action_begin = std::string_view(R"({"action":)").size();
    const std::size_t commands_begin = sample.find(R"(,"commands":[)");
    const auto head = result_head(sample.substr(action_begin, commands_begin - action_begin));
    const auto tail = result_tail(document.at("name").get<std::string>(), document.at("plugin").get<std::string>());
    EXPECT_TRUE(sample.starts_with(head)) << path;
    EXPECT_TRUE(sample.ends_with(tail)) << path;
    EXPECT_EQ(Json::parse(head + tail).at("commands").size(), 0U);
  }
}

TEST(ResultDocument, TailEscapesItsNames) {
  EXPECT_EQ(result_tail("a\"<b", "p\\\n"), R"(],"name":"a\"\u003cb","plugin":"p\\\n"})");
}

TEST(ResultDocument, InflightRecordsOfTheSamplesAreRead) {
  for (const auto& path : sample_paths()) {
    const auto sample = test::read_text(path);
    const auto document = Json::parse(sample);
    const auto record = parse_inflight(inflight_of(sample));
    ASSERT_TRUE(record) << path << record.error().text();
    EXPECT_EQ(record->action_id, document.at("action").at("id").get<std::int64_t>());
    EXPECT_EQ(Json::parse(record->action_json), document.at("action"));
    EXPECT_EQ(record->action_name, document.at("action").at("name").get<std::string>());
    EXPECT_EQ(record->action_name, "mig-runner: " + record->job);
    EXPECT_EQ(record->job, document.at("name").get<std::string>());
    EXPECT_EQ(record->plugin, document.at("plugin").get<std::string>());
    EXPECT_EQ(record->valid_from, parse_rfc3339(document.at("action").at("validfrom").get<std::string>()).value());
    EXPECT_EQ(record->expire_after, parse_rfc3339(document.at("action").at("expireafter").get<std::string>()).value());
    const auto action = mig::Action::parse(record->action_json);
    ASSERT_TRUE(action);
    EXPECT_EQ(action->signatures().size(), 1U);
  }
}

TEST(ResultDocument, InflightRecordsCutAtAnyByteAreErrors) {
  const auto whole = inflight_of(test::read_text(MIG_TEST_DATA "/samples/runner_result_multi.json"));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto record = parse_inflight(std::string_view(whole).substr(0, length));
    ASSERT_FALSE(record) << length;
    ASSERT_FALSE(record.error().where.empty());
  }
}

TEST(ResultDocument, InflightRecordsWithAnyByteChangedNeverCrash) {
  const auto whole = inflight_of(test::read_text(MIG_TEST_DATA "/samples/runner_result_badparams.json"));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const char byte : {'\0', '"', '\\', '{', ']', '\xFF', '9'}) {
      auto damaged = whole;
      damaged[i] = byte;
      (void)parse_inflight(damaged);
    }
  }
}

TEST(ResultDocument, InflightErrorsSayWhatIsMissing) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"", "1:1", "a value belongs here"},
      {"null", "1:1", "has an action"},
      {"[]", "1:1", "has an action"},
      {"{}", "1:1", "has an action"},
      {"{\"action\":null}", "1:1", "has an action"},
      {"{\"action\":5}", "1:11", "an action has to be an object"},
      {"{\"action\":{\"name\":\"x\"}}", "1:11", "id larger than 0"},
      {"{\"action\":{\"id\":-3}}", "1:11", "id larger than 0"},
      {"{\"action\":{\"id\":3},\"name\":5}", "1:27", "name has to be text"},
      {"{\"action\":{\"id\":3},\"name\":\"j\",\"plugin\":[]}", "1:40", "plugin has to be text"},
  };
  for (const auto& [json, where, what] : cases) {
    const auto record = parse_inflight(json);
    ASSERT_FALSE(record) << json;
    EXPECT_EQ(record.error().where, where) << json;
    EXPECT_THAT(record.error().what, HasSubstr(what)) << json;
  }
}

}  // namespace
}  // namespace mig_runner::results

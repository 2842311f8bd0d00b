#include "runner/result_writer.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "support/scratch_directory.h"

namespace mig_runner::runner {
namespace {

class ResultWriterTest : public testing::Test {
 protected:
  std::string write_result() {
    auto writer = ResultWriter::create(path, R"({"id":7})").value();
    for (const int id : {1, 2, 1, 3, 2}) {
      const auto json = "{\"id\":" + std::to_string(id) + ",\"name\":\"],\\\"name\\\":\"}";
      EXPECT_TRUE(writer.add({id, "success", json}));
    }
    EXPECT_EQ(writer.count(), 3);
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_TRUE(writer.finish("disk \"x\"", "save"));
    return test::read_text(path);
  }

  test::ScratchDirectory directory;
  std::filesystem::path path = directory.path() / "7.json";
};

TEST_F(ResultWriterTest, WritesEachCommandOnce) {
  const auto document = nlohmann::json::parse(write_result());
  EXPECT_EQ(document.at("commands").size(), 3U);
  EXPECT_EQ(document.at("action").at("id"), 7);
  EXPECT_EQ(document.at("name"), "disk \"x\"");
  EXPECT_EQ(document.at("plugin"), "save");
}

TEST_F(ResultWriterTest, AnEmptyResultIsADocumentToo) {
  auto writer = ResultWriter::create(path, "{}").value();
  ASSERT_TRUE(writer.finish("disk", ""));
  EXPECT_EQ(nlohmann::json::parse(test::read_text(path)).at("commands").size(), 0U);
  EXPECT_TRUE(check_result_file(path));
}

TEST_F(ResultWriterTest, AFileCutAtAnyByteIsFoundDamaged) {
  const auto whole = write_result();
  EXPECT_TRUE(check_result_file(path));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    test::write_text(path, whole.substr(0, size));
    EXPECT_FALSE(check_result_file(path)) << size;
  }
  // Blocks that were never written out come back as zeros.
  test::write_text(path, whole.substr(0, whole.size() / 2) + std::string(whole.size() - whole.size() / 2, '\0'));
  EXPECT_FALSE(check_result_file(path));
  test::write_text(path, std::string(20, '\0') + whole.substr(20));
  EXPECT_FALSE(check_result_file(path));
  std::filesystem::remove(path);
  EXPECT_FALSE(check_result_file(path));
}

TEST_F(ResultWriterTest, ACompressedFileHasTheSameDocument) {
  const auto plain = write_result();
  path += ".zst";
  const auto whole = write_result();
  EXPECT_TRUE(check_result_file(path));
  EXPECT_NE(whole, plain);
  const auto read = [&] {
    std::ostringstream text;
    const auto stream = std::move(open_result(path).value());
    text << stream->rdbuf();
    return text.str();
  };
  EXPECT_EQ(read(), plain);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    test::write_text(path, whole.substr(0, size));
    EXPECT_FALSE(check_result_file(path)) << size;
  }
  auto damaged = whole;
  damaged[whole.size() / 2] = static_cast<char>(~damaged[whole.size() / 2]);
  test::write_text(path, damaged);
  const auto stream = std::move(open_result(path).value());
  std::string text(1000, '\0');
  stream->read(text.data(), 1000);
  EXPECT_TRUE(stream->bad());
}

TEST_F(ResultWriterTest, TheOriginalsSamplesPass) {
  for (const auto& sample : std::filesystem::directory_iterator(MIG_TEST_DATA "/samples"))
    EXPECT_TRUE(check_result_file(sample.path())) << sample.path();
}

}  // namespace
}  // namespace mig_runner::runner

#include "results/result_writer.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "support/no_descriptors.h"
#include "support/scratch_directory.h"

namespace mig_runner::results {
namespace {

class ResultWriterTest : public testing::Test {
 protected:
  std::string write_result() {
    auto writer = ResultWriter::create(place(), R"({"id":7})").value();
    for (const int id : {1, 2, 1, 3, 2}) {
      const auto json = "{\"id\":" + std::to_string(id) + ",\"name\":\"],\\\"name\\\":\"}";
      EXPECT_TRUE(writer.add({id, "success", json}));
    }
    EXPECT_EQ(writer.count(), 3);
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_TRUE(writer.finish("disk \"x\"", "save"));
    return test::read_text(path);
  }

  PathBelow place() const { return {path.parent_path(), path.filename()}; }
  static bool is_damaged(const Result<bool>& checked) { return !checked && checked.error().retry == Retry::no; }

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
  auto writer = ResultWriter::create(place(), "{}").value();
  ASSERT_TRUE(writer.finish("disk", ""));
  EXPECT_EQ(nlohmann::json::parse(test::read_text(path)).at("commands").size(), 0U);
  EXPECT_TRUE(check_result_file(place()).value());
}

TEST_F(ResultWriterTest, AFileCutAtAnyByteIsFoundDamaged) {
  const auto whole = write_result();
  EXPECT_TRUE(check_result_file(place()).value());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    test::write_text(path, whole.substr(0, size));
    EXPECT_TRUE(is_damaged(check_result_file(place()))) << size;
  }
  // Blocks that were never written out come back as zeros.
  test::write_text(path, whole.substr(0, whole.size() / 2) + std::string(whole.size() - whole.size() / 2, '\0'));
  EXPECT_TRUE(is_damaged(check_result_file(place())));
  test::write_text(path, std::string(20, '\0') + whole.substr(20));
  EXPECT_TRUE(is_damaged(check_result_file(place())));
  std::filesystem::remove(path);
  EXPECT_FALSE(check_result_file(place()).value());
}

TEST_F(ResultWriterTest, ACompressedFileHasTheSameDocument) {
  const auto plain = write_result();
  path += ".zst";
  const auto whole = write_result();
  EXPECT_TRUE(check_result_file(place()).value());
  EXPECT_NE(whole, plain);
  const auto read = [&] {
    std::string text;
    auto pieces = ResultPieces::open(place()).value();
    for (auto piece = pieces->next(); piece && !piece->empty(); piece = pieces->next()) text += *piece;
    return text;
  };
  EXPECT_EQ(read(), plain);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    test::write_text(path, whole.substr(0, size));
    EXPECT_TRUE(is_damaged(check_result_file(place()))) << size;
  }
  auto damaged = whole;
  damaged[whole.size() / 2] = static_cast<char>(~damaged[whole.size() / 2]);
  test::write_text(path, damaged);
  auto pieces = ResultPieces::open(place()).value();
  auto piece = pieces->next();
  while (piece && !piece->empty()) piece = pieces->next();
  ASSERT_FALSE(piece);
  EXPECT_EQ(piece.error().retry, Retry::no);
}

// Only what it holds condemns a file.
TEST_F(ResultWriterTest, AFileThatCannotBeOpenedIsNotDamaged) {
  write_result();
  {
    const test::NoDescriptors none;
    const auto checked = check_result_file(place());
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().retry, Retry::later);
  }
  EXPECT_TRUE(check_result_file(place()).value());
}

TEST_F(ResultWriterTest, WhatIsNoRegularFileIsNotWaitedFor) {
  mkfifo(path.c_str(), 0600);
  const auto checked = check_result_file(place());
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().retry, Retry::later);
  results::ResultReader reader([](std::string_view) -> Result<void> { return {}; },
                               [](std::string_view) -> Result<void> { return {}; });
  EXPECT_FALSE(read_result(place(), reader));
}

TEST_F(ResultWriterTest, TheOriginalsSamplesPass) {
  for (const auto& sample : std::filesystem::directory_iterator(MIG_TEST_DATA "/samples"))
    EXPECT_TRUE(check_result_file({sample.path().parent_path(), sample.path().filename()}).value_or(false))
        << sample.path();
}

}  // namespace
}  // namespace mig_runner::results

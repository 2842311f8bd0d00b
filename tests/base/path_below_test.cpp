#include "base/path_below.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/scratch_directory.h"

namespace mig_runner {
namespace {

namespace fs = std::filesystem;

// root/ is what somebody else may write in, outside/ what they are after.
class PathBelowTest : public testing::Test {
 protected:
  PathBelowTest() {
    test::write_text(root / "day/7.json", "seven");
    test::write_text(outside / "victim", "precious");
    fs::create_symlink("../outside", root / "link");
    fs::create_symlink("../../outside/victim", root / "day/link.json");
  }
  void expect_untouched() const {
    EXPECT_EQ(test::read_text(outside / "victim"), "precious");
    EXPECT_EQ(std::distance(fs::directory_iterator(outside), {}), 1);
  }

  test::ScratchDirectory directory;
  const fs::path root = directory.path() / "root", outside = directory.path() / "outside";
};

TEST_F(PathBelowTest, NothingIsReachedOverASymlinkInTheWay) {
  const PathBelow victim{root, "link/victim"};
  const auto refused = [](const auto& result) { return !result && result.error().retry == Retry::no; };
  EXPECT_TRUE(refused(open_regular_below(victim)));
  EXPECT_TRUE(refused(open_directory_below({root, "link"})));
  EXPECT_TRUE(refused(names_below({root, "link"})));
  EXPECT_TRUE(refused(rename_below(victim, "other")));
  EXPECT_TRUE(refused(remove_file_below(victim)));
  EXPECT_TRUE(refused(move_file_below(victim, {root, "day/8.json"})));
  EXPECT_TRUE(refused(move_file_below({root, "day/7.json"}, {root, "link/8.json"})));
  EXPECT_TRUE(refused(make_directory_below({root, "link/made"})));
  EXPECT_TRUE(refused(DurableFile::create(PathBelow{root, "link/new"})));
  remove_temporary_files(PathBelow{root, "link"});
  expect_untouched();
}

TEST_F(PathBelowTest, NothingIsReachedByGoingUp) {
  const PathBelow victim{root, "day/../../outside/victim"};
  EXPECT_FALSE(open_regular_below(victim));
  EXPECT_FALSE(rename_below(victim, "other"));
  EXPECT_FALSE(remove_file_below(victim));
  EXPECT_FALSE(DurableFile::create(victim));
  EXPECT_FALSE(remove_file_below({root, outside / "victim"}));
  expect_untouched();
}

TEST_F(PathBelowTest, ASymlinkInAFilesPlaceIsReplacedOrRemovedItself) {
  const PathBelow link{root, "day/link.json"};
  EXPECT_FALSE(open_regular_below(link));
  auto file = DurableFile::create(link).value();
  EXPECT_TRUE(file.write("new") && file.commit());
  EXPECT_EQ(test::read_text(link.whole()), "new");
  EXPECT_EQ(remove_file_below(link).value(), true);
  expect_untouched();
}

TEST_F(PathBelowTest, DoesWhatItIsAskedTo) {
  const PathBelow seven{root, "day/7.json"};
  EXPECT_TRUE(open_regular_below(seven).value());
  EXPECT_FALSE(open_regular_below({root, "day/8.json"}).value());
  EXPECT_FALSE(open_regular_below({root, "night/8.json"}).value());
  EXPECT_EQ(names_below({root, "day"}).value().value(), (std::vector<std::string>{"7.json", "link.json"}));
  EXPECT_FALSE(names_below({root, "night"}).value());
  EXPECT_TRUE(move_file_below(seven, {root, "a/b/7.json"}));
  EXPECT_EQ(test::read_text(root / "a/b/7.json"), "seven");
  EXPECT_EQ(rename_below({root, "a/b/7.json"}, "8.json").value(), true);
  EXPECT_EQ(rename_below({root, "a/b/7.json"}, "8.json").value(), false);
  EXPECT_EQ(remove_file_below({root, "a/b/8.json"}).value(), true);
  EXPECT_EQ(remove_file_below({root, "a/b/8.json"}).value(), false);
  remove_empty_directory_below({root, "a/b"});
  EXPECT_FALSE(fs::exists(root / "a/b"));
}

TEST_F(PathBelowTest, AFifoIsNoRegularFile) {
  mkfifo((root / "day/9.json").c_str(), 0600);
  const auto opened = open_regular_below({root, "day/9.json"});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().retry, Retry::no);
}

}  // namespace
}  // namespace mig_runner

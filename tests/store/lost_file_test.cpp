#include <gmock/gmock.h>

#include <array>
#include <filesystem>

#include "sqlite_support.h"

namespace mig_runner::store {
namespace {

// A runner that finds another file at its path, or none, does not know what is launched by this one.
TEST(LostFile, LaunchesNothingFromAFileThatIsNotAtItsPath) {
  SqliteDatabase database;
  const auto store = database.open();
  constexpr std::array kDue{RunState::due};
  constexpr std::array kPosted{RunState::posted};
  auto run = full_run();
  run.state = RunState::due;
  auto posted = full_run();
  posted.nominal += std::chrono::hours(1);
  ASSERT_TRUE(store->add({&run, 1}) && store->add({&posted, 1}));
  auto in_hand = store->claim(kDue, kNow + std::chrono::hours(9), 1).value();
  ASSERT_EQ(in_hand.size(), 1U);
  const auto kept = database.directory.path() / "kept.db";
  for (const bool replaced : {false, true}) {
    std::filesystem::rename(database.path, kept);
    if (replaced) test::write_text(database.path, "");
    const auto may = store->may_launch();
    ASSERT_FALSE(may.has_value());
    EXPECT_EQ(may.error().retry, Retry::no);
    EXPECT_THAT(may.error().text(), testing::HasSubstr(database.path.string() + ": it was "));
    auto later = full_run();
    later.nominal += std::chrono::hours(2);
    EXPECT_FALSE(store->plan({}, {&later, 1}, kNow).has_value());
    EXPECT_FALSE(store->claim(kDue, kNow + std::chrono::hours(9), 1).has_value());
    Change change{RunState::due, in_hand[0], {"signature", std::nullopt}, true};
    change.run.state = RunState::signed_;
    const auto signing = store->record({&change, 1});
    ASSERT_FALSE(signing.has_value());
    EXPECT_EQ(signing.error().retry, Retry::later);
    const auto claimed = store->claim(kPosted, kNow + std::chrono::hours(9), 1);
    ASSERT_TRUE(claimed && claimed->size() == 1U) << "what was launched is collected";
    EXPECT_TRUE(store->release(*claimed));
    std::filesystem::rename(kept, database.path);
    EXPECT_TRUE(store->may_launch());
    EXPECT_TRUE(store->plan({}, {&run, 1}, kNow));
  }
}

TEST(LostFile, LeavesNoLogBesideAnotherFile) {
  SqliteDatabase database;
  auto store = database.open();
  auto run = full_run();
  ASSERT_TRUE(store->add({&run, 1}));
  const auto kept = database.directory.path() / "kept.db";
  std::filesystem::rename(database.path, kept);
  store.reset();
  const std::filesystem::path log = database.path.string() + "-wal";
  EXPECT_TRUE(!std::filesystem::exists(log) || std::filesystem::file_size(log) == 0);
  const auto whole = RunStore::open(kept, "runner", kNow);
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->set_aside, "");
  EXPECT_EQ(whole->store->history("", 5).value().size(), 1U) << "all of it is in the file";
}

}  // namespace
}  // namespace mig_runner::store

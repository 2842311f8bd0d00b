#include "store/run.h"

#include <gtest/gtest.h>

#include <set>

#include "run_maker.h"

namespace mig_runner::store {
namespace {

TEST(RunName, IsNamedByJobAndNominalTime) {
  store::Run run;
  run.job = "patchlevel";
  run.nominal = at("2026-11-23T08:00:00Z");
  EXPECT_EQ(run.name(), "patchlevel@2026-11-23T08:00:00Z");
}

TEST(RunName, NamesCanBeReadAgain) {
  for (const std::string job : {"patchlevel", "a@b", "a b", "ü", "@"})
    for (const auto* time : {"2026-11-23T08:00:00Z", "2026-11-23T08:00:00.25Z", "1969-12-31T23:59:59Z"}) {
      store::Run run;
      run.job = job;
      run.nominal = at(time);
      EXPECT_EQ(parse_run_name(run.name()), std::pair(job, run.nominal)) << run.name();
    }
}

TEST(RunName, OtherTextsAreNoNames) {
  for (const auto* text : {"", "@", "job", "job@", "@2026-11-23T08:00:00Z", "job@2026-11-23", "job@yesterday",
                           "job@2026-11-23T08:00:00Z ", "job@2026-13-23T08:00:00Z"})
    EXPECT_EQ(parse_run_name(text), std::nullopt) << text;
}

TEST(RunState, EachHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int number = 0; number <= static_cast<int>(RunState::undeliverable); ++number) {
    const auto state = static_cast<RunState>(number);
    EXPECT_TRUE(names.insert(state_name(state)).second);
    EXPECT_EQ(state_from_name(state_name(state)), state);
  }
  EXPECT_EQ(state_name(RunState::signed_), "signed");
  EXPECT_EQ(state_from_name("?"), std::nullopt);
  EXPECT_EQ(state_from_name(""), std::nullopt);
}

// Databases hold the numbers.
TEST(RunState, NumbersNeverChange) {
  const std::array names{"due",     "signed", "unknown", "posted",  "stored",         "delivered",    "sent",
                         "refused", "missed", "skipped", "invalid", "collect failed", "undeliverable"};
  for (std::size_t i = 0; i < names.size(); ++i)
    EXPECT_EQ(state_from_name(names[i]), static_cast<RunState>(static_cast<int>(i)));
}

// The fields that the contract asks to come back as they were written.
TEST(RunColumns, TheFullRunHasSomethingInEach) {
  const auto full = full_run();
  for (const auto& column : kRunColumns) EXPECT_FALSE(is_equal(full, store::Run{}, column)) << column.name;
}

}  // namespace
}  // namespace mig_runner::store

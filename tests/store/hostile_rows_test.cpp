// Rows that no store has written: somebody else may write to the database.

#include <gmock/gmock.h>

#include "sqlite_support.h"

namespace mig_runner::store {
namespace {

using testing::HasSubstr;

constexpr std::array kDue{RunState::due};

// A run that is due, and beside it one of which `column` was set to `value` by somebody else.
struct HostileRow {
  HostileRow(const std::string& table, const std::string& column, const std::string& value) {
    store = database.open();
    for (const auto* job : {"good", "bad"}) {
      store::Run run;
      run.job = job;
      run.nominal = run.wake.emplace(kNow);
      EXPECT_TRUE(store->add({&run, 1}));
    }
    const auto row =
        table == "jobs" ? " WHERE name = 'bad'" : " WHERE job = (SELECT number FROM jobs WHERE name = 'bad')";
    execute(database.path, "UPDATE " + table + " SET " + column + " = " + value + row);
  }
  SqliteDatabase database;
  std::unique_ptr<RunStore> store;
};

TEST(HostileRows, AreToldOnceAndLeftAlone) {
  const std::string huge = "9223372036854775807";
  const std::vector<std::array<std::string, 3>> cases{
      {"jobs", "name", "'../../etc'"}, {"jobs", "name", "'a/b'"},    {"jobs", "name", "''"},
      {"jobs", "name", "char(10)"},    {"runs", "job", "4711"},      {"runs", "nominal", huge},
      {"runs", "nominal", "-" + huge}, {"runs", "wake", "-" + huge}, {"runs", "deadline", huge},
      {"runs", "attempts", huge},      {"runs", "attempts", "-1"},   {"runs", "failures", "-5000000000"},
      {"runs", "action_id", "-7"},     {"runs", "commands", huge},   {"runs", "expected", "-1"},
      {"runs", "recollections", huge},
  };
  for (const auto& [table, column, value] : cases) {
    SCOPED_TRACE(column + " = " + value);
    const HostileRow hostile(table, column, value);
    auto& store = *hostile.store;
    std::vector<store::Run> claimed;
    for (int i = 0; i < 4; ++i) {
      const auto some = store.claim(kDue, kNow, 1).value();
      claimed.insert(claimed.end(), some.begin(), some.end());
    }
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(claimed.front().job, "good");
    EXPECT_EQ(store.history("", 10).value().size(), 1U);
    EXPECT_EQ(store.last_runs().value().size(), 1U);
    const auto told = store.take_refused();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_THAT(told.front(), HasSubstr("is left alone"));
    EXPECT_TRUE(store.take_refused().empty());
  }
}

TEST(HostileRows, AStateThatThereIsNotIsNotListed) {
  const HostileRow hostile("runs", "state", "99");
  EXPECT_EQ(hostile.store->history("", 10).value().size(), 1U);
  EXPECT_EQ(hostile.store->take_refused().size(), 1U);
  execute(hostile.database.path, "UPDATE tally SET state = 99");
  EXPECT_TRUE(hostile.store->counts().value().empty());
}

// They are judged where they are used: only there it is known what they may be.
TEST(HostileRows, APluginAndAResultFileAreShownAsTheyStand) {
  const HostileRow hostile("runs", "plugin", "'../x'");
  EXPECT_EQ(hostile.store->history("bad", 10).value().front().plugin, "../x");
}

}  // namespace
}  // namespace mig_runner::store

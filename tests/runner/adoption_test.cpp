#include "runner/adoption.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "runner/stand.h"

namespace mig_runner::test {
namespace {

using store::RunState;

// What an original runner left of an action that it launched.
struct LeftStand : Stand {
  LeftStand() { write_text(record, text()); }

  static std::string text() {
    const nlohmann::json action = {{"id", 7001},
                                   {"name", "mig-runner: disk"},
                                   {"target", "status='online'"},
                                   {"validfrom", "2026-11-23T07:59:00Z"},
                                   {"expireafter", "2026-11-23T08:04:00Z"}};
    return nlohmann::json{{"action", action}, {"commands", nullptr}, {"name", "disk"}, {"plugin", "save"}}.dump();
  }
  int adopt() { return runner::adopt_inflight(stages->context, clock.now()); }

  std::filesystem::path inflight = directory.path() / "runners/disk/inflight";
  std::filesystem::path record = inflight / "7001.json";
};

TEST(Adoption, TakesAnActionOverOnce) {
  LeftStand stand;
  EXPECT_EQ(stand.adopt(), 1);
  EXPECT_EQ(stand.adopt(), 0);
  stand.restart();
  EXPECT_EQ(stand.adopt(), 0);
  ASSERT_EQ(stand.history("disk").size(), 1U);
  const auto run = stand.history("disk").front();
  EXPECT_EQ(run.state, RunState::posted);
  EXPECT_EQ(run.action_id, 7001);
  EXPECT_EQ(run.plugin, "save");
  EXPECT_EQ(run.expire_after, at("2026-11-23T08:04:00Z"));
}

// Until the result is there, going back to the original runner must lose nothing.
TEST(Adoption, TheRecordStaysUntilTheResultIsThere) {
  LeftStand stand;
  EXPECT_EQ(stand.adopt(), 1);
  EXPECT_EQ(read_text(stand.record), LeftStand::text());
  stand.restart();
  EXPECT_EQ(read_text(stand.record), LeftStand::text());
}

// Fault 2 of the original: killed while it wrote a record, it crashed at every later start.
TEST(Adoption, Fault2AHalfWrittenRecordIsSetAsideOnce) {
  LeftStand stand;
  const auto whole = LeftStand::text();
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, whole.size() / 2, whole.size() - 1}) {
    std::filesystem::remove_all(stand.inflight);
    stand.log.lines.clear();
    write_text(stand.record, whole.substr(0, size));
    EXPECT_EQ(stand.adopt(), 0);
    EXPECT_EQ(stand.adopt(), 0);
    EXPECT_EQ(read_text(stand.record.string() + ".damaged"), whole.substr(0, size));
    EXPECT_EQ(stand.log.count("set aside"), 1) << stand.log.all();
  }
  EXPECT_EQ(stand.history().size(), 0U);
}

}  // namespace
}  // namespace mig_runner::test

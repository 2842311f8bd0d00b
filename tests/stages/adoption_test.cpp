#include "stages/adoption.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "stages/stand.h"
#include "support/sqlite_connection.h"

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
  int adopt() { return adoption.look_at_all(stages->context, clock.now()); }
  int adopt_again() { return adoption.look_again(stages->context, clock.now()); }

  stages::Adoption adoption;

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

// Refused as a symlink, also to root: stands for all that cannot be read now.
TEST(Adoption, WhatCannotBeReadIsToldOnceAndLookedAtAgain) {
  for (const auto* hidden : {"runners/disk/inflight/7001.json", "runners/disk/inflight"}) {
    LeftStand stand;
    const auto path = stand.directory.path() / hidden;
    const auto away = stand.directory.path() / "away";
    std::filesystem::rename(path, away);
    std::filesystem::create_symlink(away, path);
    EXPECT_EQ(stand.adopt(), 0);
    EXPECT_TRUE(stand.adoption.is_left());
    EXPECT_EQ(stand.adopt_again(), 0);
    EXPECT_EQ(stand.log.count("err "), 1) << stand.log.all();
    EXPECT_EQ(stand.log.count("it is looked at again at each scan"), 1) << stand.log.all();
    std::filesystem::remove(path);
    std::filesystem::rename(away, path);
    EXPECT_EQ(stand.adopt_again(), 1) << hidden;
    EXPECT_FALSE(stand.adoption.is_left());
    EXPECT_EQ(stand.log.count("notice No launched action of another runner is left to take over."), 1)
        << stand.log.all();
    EXPECT_EQ(stand.adopt_again(), 0);
    EXPECT_EQ(stand.log.count("is left to take over"), 1) << stand.log.all();
  }
}

TEST(Adoption, ManyThatCannotBeReadAreOneMessage) {
  LeftStand stand;
  for (const auto* name : {"7001.json", "7002.json", "7003.json"}) {
    std::filesystem::remove(stand.inflight / name);
    std::filesystem::create_symlink("nowhere", stand.inflight / name);
  }
  EXPECT_EQ(stand.adopt(), 0);
  EXPECT_EQ(stand.log.count("err "), 1) << stand.log.all();
  EXPECT_EQ(stand.log.count("and 2 more"), 1) << stand.log.all();
  std::filesystem::create_symlink("nowhere", stand.inflight / "7004.json");
  EXPECT_EQ(stand.adopt(), 0);
  EXPECT_EQ(stand.log.count("err "), 2) << "a new one\n" << stand.log.all();
  EXPECT_EQ(stand.log.count("7004.json"), 1) << stand.log.all();
}

TEST(Adoption, LooksAgainOnlyAtWhatIsLeft) {
  LeftStand stand;
  const auto refused = stand.inflight / "7002.json";
  std::filesystem::create_symlink("nowhere", refused);
  EXPECT_EQ(stand.adopt(), 1);
  std::filesystem::remove(stand.record);
  std::filesystem::create_symlink("nowhere", stand.record);
  EXPECT_EQ(stand.adopt_again(), 0);
  EXPECT_EQ(stand.log.count("7001.json"), 0) << stand.log.all();
  std::filesystem::remove(refused);
  EXPECT_EQ(stand.adopt_again(), 0);
  EXPECT_FALSE(stand.adoption.is_left());
}

TEST(Adoption, ARecordOfRunsThatFailsIsToldOnceAndTriedAgain) {
  LeftStand stand;
  write_text(stand.inflight / "7002.json", LeftStand::text());
  execute(stand.location.file, "ALTER TABLE runs RENAME TO gone");
  EXPECT_EQ(stand.adopt(), 0);
  EXPECT_EQ(stand.adopt_again(), 0);
  EXPECT_EQ(stand.log.count("err "), 1) << stand.log.all();
  EXPECT_EQ(stand.log.count("and 1 more like it"), 1) << stand.log.all();
  execute(stand.location.file, "ALTER TABLE gone RENAME TO runs");
  EXPECT_EQ(stand.adopt_again(), 1) << "two records of one action";
  EXPECT_FALSE(stand.adoption.is_left()) << stand.log.all();
}

}  // namespace
}  // namespace mig_runner::test

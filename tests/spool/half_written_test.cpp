// A job is read when its files are whole.

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <utility>

#include "base/file.h"
#include "spool/stand.h"
#include "spool/writer.h"

namespace mig_runner::spool {
namespace {

namespace fs = std::filesystem;
using test::write_text;

// An editor or a shell that keeps its file open.
class OpenFile {
 public:
  explicit OpenFile(const fs::path& path, int flags = O_TRUNC)
      : fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644)) {}
  void add(const std::string& text) const {
    EXPECT_EQ(write(fd_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void finish() { fd_.reset(); }

 private:
  UniqueFd fd_;
};

TEST_F(SpoolTest, ANewJobWaitsUntilItsFileIsClosed) {
  fs::create_directories(runners);
  spool.scan();
  write_text(runners / "disk/action.json", kAction);
  OpenFile file(runners / "disk/entity.cfg");
  file.add("[configuration]\nschedule = \"* * * * *\"\n");
  EXPECT_EQ(said(spool.read_events()), "");
  settle();
  EXPECT_EQ(said(spool.scan()), "") << "however slowly it is written";
  EXPECT_TRUE(spool.is_waiting());
  file.add("enabled = false\n");
  EXPECT_EQ(said(spool.read_events()), "");
  file.finish();
  EXPECT_EQ(said(spool.read_events()), "added disk");
  EXPECT_FALSE(spool.find("disk")->config.settings.enabled);
  EXPECT_FALSE(spool.is_waiting());
}

TEST_F(SpoolTest, AtTheFirstScanToo) {
  write_text(runners / "disk/action.json", kAction);
  OpenFile file(runners / "disk/entity.cfg");
  file.add("[configuration]\nsched");
  EXPECT_EQ(said(spool.scan()), "");
  file.add("ule = \"* * * * *\"\n");
  file.finish();
  const auto changes = spool.read_events();
  ASSERT_EQ(said(changes), "added disk");
  EXPECT_TRUE(changes[0].was_there);
}

TEST_F(SpoolTest, AnEditedJobStaysAsItWasUntilItsFileIsClosed) {
  write_job("disk", "0 8 * * *");
  spool.scan();
  OpenFile file(runners / "disk/entity.cfg");
  EXPECT_EQ(said(spool.read_events()), "") << "an empty file is no broken job";
  EXPECT_EQ(said(spool.scan()), "");
  EXPECT_EQ(schedule_of("disk"), "0 8 * * *");
  file.add(entity("0 9 * * *"));
  file.finish();
  EXPECT_EQ(said(spool.read_events()), "changed disk");
}

TEST_F(SpoolTest, AnActionThatIsBeingWrittenIsNotBroken) {
  write_text(runners / "disk/entity.cfg", entity("0 8 * * *"));
  OpenFile file(runners / "disk/action.json");
  file.add("{\"target\":");
  EXPECT_EQ(said(spool.scan()), "");
  file.add("\"x\"}");
  file.finish();
  EXPECT_EQ(said(spool.scan()), "added disk");
}

TEST_F(SpoolTest, AFileThatStaysOpenIsToldOnce) {
  write_job("disk", "0 8 * * *");
  spool.scan();
  OpenFile file(runners / "disk/entity.cfg");
  EXPECT_EQ(said(spool.scan()), "");
  clock.advance(Spool::kLongWait);
  const auto changes = spool.scan();
  ASSERT_EQ(said(changes), "waiting disk");
  EXPECT_EQ(changes[0].job->config.schedule, "0 8 * * *");
  clock.advance(Spool::kLongWait);
  EXPECT_EQ(said(spool.scan()), "");
  file.add(entity("0 9 * * *"));
  file.finish();
  EXPECT_EQ(said(spool.scan()), "changed disk");
}

// Somebody writes to a file after it was looked at, and before it is read.
class MeddlingClock final : public Clock {
 public:
  Timestamp now() const override {
    if (const auto deed = std::exchange(meddle, nullptr)) deed();
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  mutable std::function<void()> meddle;
};

TEST_F(SpoolTest, AFileThatChangesWhileItIsReadIsReadAgain) {
  write_job("disk", "0 8 * * *");
  MeddlingClock meddling;
  Spool watched(runners, {}, meddling);
  meddling.meddle = [&] { write_text(runners / "disk/entity.cfg", "[configur"); };
  EXPECT_EQ(said(watched.scan()), "");
  EXPECT_TRUE(watched.is_waiting());
  write_job("disk", "0 9 * * *");
  EXPECT_EQ(said(watched.read_events()), "added disk");
}

// With one of its files gone a job may be on its way to another place, or just be edited.
TEST_F(SpoolTest, AJobThatLosesOneFileIsBrokenOnlyAfterAWhile) {
  write_job("disk", "0 8 * * *");
  spool.scan();
  fs::remove(runners / "disk/entity.cfg");
  EXPECT_EQ(said(spool.scan()), "");
  clock.advance(Spool::kLongWait);
  EXPECT_EQ(said(spool.read_events()), "broken disk");
  EXPECT_EQ(schedule_of("disk"), "0 8 * * *");
}

TEST_F(SpoolTest, WholeFilesAreSeenAtOnce) {
  fs::create_directories(runners);
  spool.scan();
  write_text(directory.path() / "entity", entity("0 8 * * *"));
  write_text(directory.path() / "action", kAction);
  fs::create_directories(runners / "linked");
  fs::create_hard_link(directory.path() / "entity", runners / "linked/entity.cfg");
  fs::create_hard_link(directory.path() / "action", runners / "linked/action.json");
  EXPECT_EQ(said(spool.read_events()), "added linked");
  fs::create_directories(directory.path() / "moved");
  fs::copy(directory.path() / "entity", directory.path() / "moved/entity.cfg");
  fs::copy(directory.path() / "action", directory.path() / "moved/action.json");
  fs::rename(directory.path() / "moved", runners / "moved");
  EXPECT_EQ(said(spool.read_events()), "added moved");
  fs::copy(runners / "moved", runners / "copied");
  EXPECT_EQ(said(spool.read_events()), "added copied");
}

// Of another user's file the kernel does not say whether it is open.
class AnothersFile : public SpoolTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
    write_job("disk", "0 8 * * *");
    settle();
    EXPECT_EQ(as_nobody([&] { return spool.scan(); }), "added disk");
    set_to_real_time();
  }
  template <class Look>
  std::string as_nobody(Look look) {
    const AsNobody nobody(directory.path());
    return said(look());
  }
  std::string events() {
    return as_nobody([&] { return spool.read_events(); });
  }
};

TEST_F(AnothersFile, ItsEventsTell) {
  OpenFile file(runners / "disk/entity.cfg");
  file.add(entity("0 9 * * *"));
  EXPECT_EQ(events(), "");
  clock.advance(std::chrono::minutes(10));
  EXPECT_EQ(events(), "");
  EXPECT_EQ(as_nobody([&] { return spool.scan(); }), "waiting disk") << "long enough to be told, and not read";
  file.add("enabled = false\n");
  file.finish();
  EXPECT_EQ(events(), "changed disk");
  EXPECT_FALSE(spool.find("disk")->config.settings.enabled);
}

TEST_F(AnothersFile, AWholeOneThatIsMovedThereIsReadAtOnce) {
  write_text(runners / "disk/.new", entity("0 9 * * *"));
  fs::rename(runners / "disk/.new", runners / "disk/entity.cfg");
  EXPECT_EQ(events(), "changed disk");
  write_job("staged");
  fs::rename(runners / "staged", directory.path() / "staged");
  events();
  fs::rename(directory.path() / "staged", runners / "ports");
  EXPECT_EQ(events(), "added ports");
}

TEST_F(AnothersFile, WithoutAnEventItIsReadOnceItDoesNotChange) {
  write_text(runners / "disk/entity.cfg", entity("0 10 * * *"));
  EXPECT_EQ(events(), "changed disk") << "it was closed";
  write_text(directory.path() / "new", entity("0 9 * * *"));
  fs::remove(runners / "disk/entity.cfg");
  fs::create_hard_link(directory.path() / "new", runners / "disk/entity.cfg");
  EXPECT_EQ(events(), "") << "this one may be open";
  EXPECT_TRUE(spool.is_waiting());
  settle();
  EXPECT_EQ(events(), "changed disk");
}

TEST_F(AnothersFile, EachFileHasItsOwnAge) {
  const auto changed = [&](const char* file) {
    struct stat status {};
    EXPECT_EQ(stat((runners / "disk" / file).c_str(), &status), 0);
    const std::chrono::nanoseconds time(status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec);
    return Timestamp(std::chrono::ceil<std::chrono::milliseconds>(time));
  };
  write_text(directory.path() / "new", kAction + std::string("\n"));
  fs::remove(runners / "disk/action.json");
  fs::create_hard_link(directory.path() / "new", runners / "disk/action.json");
  const auto action = changed("action.json");
  do {
    write_text(runners / "disk/entity.cfg", entity("0 9 * * *"));
  } while (changed("entity.cfg") < action + std::chrono::milliseconds(2));
  clock.set(action + Spool::kSettled - std::chrono::milliseconds(1));
  EXPECT_EQ(events(), "") << "the action may be open";
  clock.set(action + Spool::kSettled);
  EXPECT_EQ(events(), "changed disk");
}

// The kernel's queue of events is full: the end of the writing is not told.
TEST_F(AnothersFile, WhereItsEventsWereLostToo) {
  OpenFile file(runners / "disk/entity.cfg");
  file.add(entity("0 9 * * *"));
  EXPECT_EQ(events(), "");
  for (int i = 0; i < 20'000; ++i)
    fs::permissions(runners / "disk" / (i % 2 == 0 ? "entity.cfg" : "action.json"), fs::perms(0644));
  file.finish();
  EXPECT_EQ(events(), "");
  settle();
  EXPECT_EQ(events(), "changed disk");
}

// A file server's clock may be ahead.
TEST_F(AnothersFile, AlsoWhereItsTimeIsAhead) {
  write_text(directory.path() / "new", entity("0 9 * * *"));
  fs::remove(runners / "disk/entity.cfg");
  fs::create_hard_link(directory.path() / "new", runners / "disk/entity.cfg");
  clock.set(clock.now() - std::chrono::hours(1));
  EXPECT_EQ(events(), "");
  settle();
  EXPECT_EQ(events(), "changed disk");
}

// Without a delegation of the server the kernel refuses every lease there.
TEST(Writer, ARefusedLeaseSaysNothingOnANetworkFileSystem) {
  for (const long file_system : std::initializer_list<long>{NFS_SUPER_MAGIC, CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC})
    EXPECT_FALSE(tells_of_writers(file_system)) << file_system;
  for (const long file_system : std::initializer_list<long>{EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, TMPFS_MAGIC})
    EXPECT_TRUE(tells_of_writers(file_system)) << file_system;
}

}  // namespace
}  // namespace mig_runner::spool

#include "base/file_access.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "support/scratch_directory.h"

namespace mig_runner {
namespace {

namespace fs = std::filesystem;
using Kind = OtherWriter::Kind;

constexpr uid_t kStranger = 12345;

class OtherWritersTest : public testing::Test {
 protected:
  OtherWritersTest() {
    test::write_text(file, "x");
    chmod(file.c_str(), 0644);
    chmod(file.parent_path().c_str(), 0755);
  }
  // As "KIND NAME", without what lies outside of the test's directory.
  std::vector<std::string> found(const fs::path& path) const {
    std::vector<std::string> lines;
    const auto writers = other_writers(path, geteuid()).value();
    for (const auto& writer : writers) {
      if (!writer.place.string().starts_with(directory.path().string())) continue;
      const auto* kind = writer.kind == Kind::everybody ? "everybody" : writer.kind == Kind::group ? "group" : "user";
      lines.push_back(kind + (" " + writer.place.filename().string()));
    }
    return lines;
  }
  using Lines = std::vector<std::string>;

  test::ScratchDirectory directory;
  const fs::path file = directory.path() / "plugins" / "save";
};

TEST_F(OtherWritersTest, WhatIsOursAloneHasNone) {
  EXPECT_EQ(found(file), Lines());
  EXPECT_EQ(found(directory.path() / "plugins" / "none"), Lines());
  EXPECT_EQ(found(directory.path() / "none" / "none"), Lines());
}

TEST_F(OtherWritersTest, ModesTellGroupAndEverybody) {
  chmod(file.c_str(), 0664);
  EXPECT_EQ(found(file), Lines{"group save"});
  chmod(file.c_str(), 0666);
  EXPECT_EQ(found(file), Lines{"everybody save"});
}

TEST_F(OtherWritersTest, ADirectoryOnTheWayCountsButForOneThatIsShared) {
  chmod(file.parent_path().c_str(), 0777);
  EXPECT_EQ(found(file), Lines{"everybody plugins"});
  chmod(file.parent_path().c_str(), 01777);
  EXPECT_EQ(found(file), Lines());
  EXPECT_EQ(found(file.parent_path()), Lines{"everybody plugins"});
  chmod(file.parent_path().c_str(), 0775);
  EXPECT_EQ(found(file), Lines{"group plugins"});
}

TEST_F(OtherWritersTest, OwnersCountInASharedDirectoryOfJudgedEntries) {
  const auto shared = file.parent_path();
  const auto count = [&] {
    const auto writers = other_writers(shared, geteuid(), Entries::judged).value();
    return std::count_if(writers.begin(), writers.end(), [&](const auto& writer) { return writer.place == shared; });
  };
  chmod(shared.c_str(), 01777);
  EXPECT_EQ(count(), 0);
  chmod(shared.c_str(), 0777);
  EXPECT_EQ(count(), 1);
  if (geteuid() != 0) return;
  chmod(shared.c_str(), 01777);
  ASSERT_EQ(chown(shared.c_str(), kStranger, 0), 0);
  EXPECT_EQ(count(), 1);
}

TEST_F(OtherWritersTest, SymlinksAreFollowedToWhatTheyStandFor) {
  const auto link = directory.path() / "link";
  fs::create_symlink("plugins/../plugins/save", link);
  fs::create_symlink(link, directory.path() / "link-to-link");
  EXPECT_EQ(found(directory.path() / "link-to-link"), Lines());
  chmod(file.c_str(), 0666);
  EXPECT_EQ(found(directory.path() / "link-to-link"), Lines{"everybody save"});
  chmod(file.c_str(), 0644);
  chmod(file.parent_path().c_str(), 0777);
  EXPECT_FALSE(found(directory.path() / "link-to-link").empty());
  fs::create_symlink("loop", directory.path() / "loop");
  const auto failed = other_writers(directory.path() / "loop", geteuid());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().retry, Retry::later);
}

TEST_F(OtherWritersTest, AnotherOwnerCounts) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(chown(file.c_str(), kStranger, 0), 0);
  EXPECT_EQ(found(file), Lines{"user save"});
  EXPECT_TRUE(other_writers(file, kStranger).value().empty());
  ASSERT_EQ(chown(file.c_str(), 0, 0), 0);
  EXPECT_TRUE(other_writers(file, kStranger).value().empty());  // root's are right for everybody
  ASSERT_EQ(chown(file.parent_path().c_str(), kStranger, 0), 0);
  EXPECT_EQ(found(file), Lines{"user plugins"});
}

TEST_F(OtherWritersTest, ALinkOfSomebodyElseInASharedDirectoryCounts) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const auto shared = directory.path() / "shared";
  fs::create_directory(shared);
  fs::create_symlink(file, shared / "link");
  ASSERT_EQ(lchown((shared / "link").c_str(), kStranger, 0), 0);
  EXPECT_EQ(found(shared / "link"), Lines());
  chmod(shared.c_str(), 01777);
  EXPECT_EQ(found(shared / "link"), Lines{"user link"});
  fs::create_directory(shared / "own");
  EXPECT_EQ(found(shared / "own" / ".." / "link"), Lines{"user link"});
}

class Mounted {
 public:
  Mounted(const fs::path& source, const fs::path& target, const char* type, unsigned long flags, const char* options)
      : target_(target), there_(mount(source.c_str(), target.c_str(), type, flags, options) == 0) {}
  ~Mounted() {
    if (there_) umount2(target_.c_str(), MNT_DETACH);
  }
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;
  bool there() const { return there_; }

 private:
  const fs::path target_;
  const bool there_;
};

// Kubernetes mounts a ConfigMap read-only, with mode 0777. systemd shows its services directories read-only that others
// may write to outside of the service.
TEST_F(OtherWritersTest, AVolumeOfKubernetesIsNotWrittenByAnybody) {
  const auto source = file.parent_path();
  const auto volume = directory.path() / "volume";
  fs::create_directory(volume);
  chmod(source.c_str(), 0777);
  const Mounted view(source, volume, nullptr, MS_BIND, nullptr);
  if (!view.there()) GTEST_SKIP() << "only root can mount";
  const auto remount = [&](unsigned long flags) {
    ASSERT_EQ(mount("none", volume.c_str(), nullptr, MS_BIND | MS_REMOUNT | flags, nullptr), 0);
  };
  remount(MS_RDONLY);
  EXPECT_EQ(found(volume / "x"), Lines{"everybody volume"});
  fs::create_directory(source / "..data");
  EXPECT_EQ(found(volume / "x"), Lines{"everybody volume"});
  fs::remove(source / "..data");
  fs::create_symlink("..2026", source / "..data");
  EXPECT_EQ(found(volume / "x"), Lines());
  ASSERT_EQ(lchown((source / "..data").c_str(), kStranger, 0), 0);
  EXPECT_EQ(found(volume / "x"), Lines{"everybody volume"});
  ASSERT_EQ(lchown((source / "..data").c_str(), 0, 0), 0);
  remount(0);
  EXPECT_EQ(found(volume / "x"), Lines{"everybody volume"});
}

TEST_F(OtherWritersTest, AReadOnlyFileSystemIsOneThatMayBeWritable) {
  const auto volume = directory.path() / "volume";
  fs::create_directory(volume);
  const Mounted read_only("none", volume, "tmpfs", MS_RDONLY, "mode=0777");
  if (!read_only.there()) GTEST_SKIP() << "only root can mount";
  EXPECT_EQ(found(volume / "x"), Lines{"everybody volume"});
}

TEST_F(OtherWritersTest, SaysWhatToDo) {
  const OtherWriter everybody{Kind::everybody, "/x", 0};
  EXPECT_EQ(everybody.text("it", "what is launched"),
            "everybody may write to it, and so decide what is launched: chmod o-w");
  const OtherWriter user{Kind::other_user, "/x", 4'000'000'000};
  EXPECT_EQ(user.text("/x", "what is launched"),
            "the user 4000000000 owns /x, and so decides what is launched: chown it to root or to the runner's user");
}

}  // namespace
}  // namespace mig_runner

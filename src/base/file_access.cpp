#include "base/file_access.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <array>
#include <deque>
#include <optional>

#include "base/file_status.h"

namespace mig_runner {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxLinks = 40;  // as the kernel

std::string text_of(const char* name, unsigned id) {
  return name != nullptr ? name + std::string(" (") + std::to_string(id) + ")" : std::to_string(id);
}

std::string group_text(gid_t group) {
  std::array<char, 4096> buffer{};
  struct group entry {};
  struct group* found = nullptr;
  getgrgid_r(group, &entry, buffer.data(), buffer.size(), &found);
  return text_of(found != nullptr ? found->gr_name : nullptr, group);
}

// Goes the way that the kernel goes, one component at a time.
class Walk {
 public:
  explicit Walk(uid_t self) : self_(self) {}

  Result<void> to(const fs::path& path) {
    put_in_front(path.relative_path());
    if (auto seen = look_at_root(); !seen) return seen;
    while (!ahead_.empty()) {
      const auto part = ahead_.front();
      ahead_.pop_front();
      if (part == ".." || part == "." || part.empty()) {
        if (part == "..") at_ = at_.parent_path();
        continue;
      }
      const auto there = step(at_ / part);
      if (!there) return tl::unexpected(there.error());
      if (!*there) return {};
    }
    return {};
  }

  std::vector<OtherWriter> found;

 private:
  // False where nothing stands there.
  Result<bool> step(const fs::path& next) {
    const auto status = file_status(next, Symlinks::refused);
    if (!status) return tl::unexpected(status.error());
    if (!*status) return false;
    if (!S_ISLNK((*status)->st_mode)) {
      judge(next, **status, ahead_.empty());
      at_ = next;
      device_ = (*status)->st_dev;
      in_shared_ = ((*status)->st_mode & (S_IWOTH | S_IWGRP)) != 0;
      return true;
    }
    // Its owner can replace it only where the directory lets him.
    if (in_shared_) judge_owner(next, **status);
    return follow(next);
  }

  Result<bool> follow(const fs::path& link) {
    if (++links_ > kMaxLinks) return fail("there are too many symlinks on the way", link, Retry::later);
    std::error_code error;
    const auto target = fs::read_symlink(link, error);
    if (error) return fail("the symlink cannot be read: " + error.message(), link, Retry::later);
    put_in_front(target.relative_path());
    if (target.is_relative()) return true;
    return look_at_root().map([] { return true; });
  }

  Result<void> look_at_root() {
    at_ = "/";
    const auto status = file_status(at_, Symlinks::followed);
    if (!status) return tl::unexpected(status.error());
    if (*status) device_ = (*status)->st_dev;
    if (*status) judge(at_, **status, false);
    in_shared_ = false;
    return {};
  }

  void put_in_front(const fs::path& path) { ahead_.insert(ahead_.begin(), path.begin(), path.end()); }

  bool is_other(uid_t user) const { return user != 0 && user != self_; }

  void judge_owner(const fs::path& place, const struct stat& status) {
    if (is_other(status.st_uid)) found.push_back({OtherWriter::Kind::other_user, place, status.st_uid});
  }

  void judge(const fs::path& place, const struct stat& status, bool is_end) {
    judge_owner(place, status);
    const bool only_owners = !is_end && (status.st_mode & S_ISVTX) != 0;
    const bool by_mode = (status.st_mode & (S_IWOTH | S_IWGRP)) != 0;
    if (!by_mode || only_owners || is_read_only_volume(place, status)) return;
    if ((status.st_mode & S_IWOTH) != 0) {
      found.push_back({OtherWriter::Kind::everybody, place, 0});
    } else if ((status.st_mode & S_IWGRP) != 0) {
      found.push_back({OtherWriter::Kind::group, place, status.st_gid});
    }
  }

  // A volume that was mounted read-only, as Kubernetes mounts a ConfigMap, with mode 0777. A read-only view of a part
  // of the file system around it does not count: there others may write outside of this view.
  bool is_read_only_volume(const fs::path& place, const struct stat& status) const {
    struct statvfs mounted {};
    return status.st_dev != device_ && statvfs(place.c_str(), &mounted) == 0 && (mounted.f_flag & ST_RDONLY) != 0;
  }

  const uid_t self_;
  fs::path at_;             // without symlinks
  dev_t device_ = 0;        // of at_
  bool in_shared_ = false;  // others may write to at_
  std::deque<fs::path> ahead_;
  int links_ = 0;
};

}  // namespace

std::string user_text(uid_t user) {
  std::array<char, 4096> buffer{};
  struct passwd entry {};
  struct passwd* found = nullptr;
  getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found);
  return text_of(found != nullptr ? found->pw_name : nullptr, user);
}

std::string OtherWriter::text(std::string_view it, std::string_view reach) const {
  const auto end =
      std::string(kind == Kind::other_user ? ", and so decides " : ", and so decide ") + std::string(reach) + ": ";
  const std::string place_text(it);
  switch (kind) {
    case Kind::everybody:
      return "everybody may write to " + place_text + end + "chmod o-w";
    case Kind::group:
      return "the group " + group_text(id) + " may write to " + place_text + end + "chmod g-w, if that is not meant";
    case Kind::other_user:
      return "the user " + user_text(id) + " owns " + place_text + end + "chown it to root or to the runner's user";
  }
  return "";
}

Result<std::vector<OtherWriter>> other_writers(const fs::path& path, uid_t self) {
  std::error_code error;
  const auto whole = fs::absolute(path, error);
  if (error) return fail("the working directory is not known: " + error.message(), path, Retry::later);
  Walk walk(self);
  if (auto gone = walk.to(whole); !gone) return tl::unexpected(gone.error());
  return std::move(walk.found);
}

}  // namespace mig_runner

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
  Walk(uid_t self, Entries entries) : self_(self), entries_(entries) {}

  Result<void> to(const fs::path& path) {
    put_in_front(path.relative_path());
    if (auto seen = look_at_root(); !seen) return seen;
    while (!ahead_.empty()) {
      const auto part = ahead_.front();
      ahead_.pop_front();
      if (part == ".." || part == "." || part.empty()) {
        if (part == "..") at_ = at_.parent_path();
        in_shared_ = in_shared_ || part == "..";  // it may be
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
      if (auto judged = judge(next, **status, ahead_.empty()); !judged) return tl::unexpected(judged.error());
      at_ = next;
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
    in_shared_ = false;
    return *status ? judge(at_, **status, false) : Result<void>();
  }

  void put_in_front(const fs::path& path) { ahead_.insert(ahead_.begin(), path.begin(), path.end()); }

  bool is_other(uid_t user) const { return user != 0 && user != self_; }

  void judge_owner(const fs::path& place, const struct stat& status) {
    if (is_other(status.st_uid)) found.push_back({OtherWriter::Kind::other_user, place, status.st_uid});
  }

  Result<void> judge(const fs::path& place, const struct stat& status, bool is_end) {
    judge_owner(place, status);
    const bool sticky = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
    const bool only_owners = sticky && (!is_end || entries_ == Entries::judged);
    const bool by_mode = (status.st_mode & (S_IWOTH | S_IWGRP)) != 0;
    if (!by_mode || only_owners) return {};
    const auto exempt = is_volume_of_kubernetes(place, status);
    if (!exempt) return tl::unexpected(exempt.error());
    if (*exempt) return {};
    if ((status.st_mode & S_IWOTH) != 0) {
      found.push_back({OtherWriter::Kind::everybody, place, 0});
    } else if ((status.st_mode & S_IWGRP) != 0) {
      found.push_back({OtherWriter::Kind::group, place, status.st_gid});
    }
    return {};
  }

  // Kubernetes mounts a ConfigMap or a Secret read-only, with mode 0777 and a symlink "..data" of root in it. Read-only
  // alone says nothing: systemd shows services directories so that others may write to outside of the service.
  static Result<bool> is_volume_of_kubernetes(const fs::path& place, const struct stat& status) {
    if (status.st_uid != 0) return false;
    struct statvfs mounted {};
    if (statvfs(place.c_str(), &mounted) != 0) return fail_errno("its file system cannot be looked at", place);
    if ((mounted.f_flag & ST_RDONLY) == 0) return false;
    const auto data = file_status(place / "..data", Symlinks::refused);
    if (!data) return tl::unexpected(data.error());
    return *data && S_ISLNK((*data)->st_mode) && (*data)->st_uid == 0;
  }

  const uid_t self_;
  const Entries entries_;
  fs::path at_;             // without symlinks
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

Result<std::vector<OtherWriter>> other_writers(const fs::path& path, uid_t self, Entries entries) {
  std::error_code error;
  const auto whole = fs::absolute(path, error);
  if (error) return fail("the working directory is not known: " + error.message(), path, Retry::later);
  Walk walk(self, entries);
  if (auto gone = walk.to(whole); !gone) return tl::unexpected(gone.error());
  return std::move(walk.found);
}

}  // namespace mig_runner

#include "cli/judged_user.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/file_access.h"
#include "base/file_status.h"
#include "config/tree_layout.h"

namespace mig_runner::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kNotBecome = 255;  // no error has this number

int answer_of_access(const fs::path& path, int mode) {
  return faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0 ? 0 : errno;
}

}  // namespace

JudgedUser JudgedUser::of(const fs::path& directory) {
  JudgedUser user;
  user.id_ = geteuid();
  const auto state_directory = config::state_in(directory);
  const auto state = file_status(state_directory, Symlinks::followed);
  if (!state || !*state || (*state)->st_uid == user.id_ || (*state)->st_uid == 0) return user;
  user.id_ = (*state)->st_uid;
  user.group_ = (*state)->st_gid;
  user.known_by_ = state_directory;
  std::array<char, 4096> buffer{};
  struct passwd entry {};
  struct passwd* found = nullptr;
  getpwuid_r(user.id_, &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return user;
  user.group_ = found->pw_gid;
  int count = 0;
  getgrouplist(found->pw_name, found->pw_gid, nullptr, &count);
  user.groups_.resize(static_cast<std::size_t>(count));
  if (getgrouplist(found->pw_name, found->pw_gid, user.groups_.data(), &count) < 0)
    count = 0;  // they have just changed
  user.groups_.resize(static_cast<std::size_t>(count));
  return user;
}

std::string JudgedUser::text() const {
  return user_text(id_) + (known_by_.empty() ? "" : ", the owner of " + known_by_.string());
}

bool JudgedUser::is_caller() const {
  return known_by_.empty();
}

bool JudgedUser::may_be_asked_for() const {
  return is_caller() || geteuid() == 0;
}

Result<int> JudgedUser::access(const fs::path& path, int mode) const {
  if (is_caller()) return answer_of_access(path, mode);
  const auto child = fork();
  if (child < 0) return fail_errno("no process can be started to ask for the user " + user_text(id_));
  if (child == 0) {
    const bool become = setgroups(groups_.size(), groups_.data()) == 0 && setgid(group_) == 0 && setuid(id_) == 0;
    _exit(become ? answer_of_access(path, mode) : kNotBecome);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return fail_errno("it cannot be asked for the user " + user_text(id_));
  if (!WIFEXITED(status) || WEXITSTATUS(status) == kNotBecome)
    return fail("this process cannot become the user " + user_text(id_), {}, Retry::later);
  return WEXITSTATUS(status);
}

}  // namespace mig_runner::cli

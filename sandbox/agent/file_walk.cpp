#include "sandbox/agent/file_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>

#include "sandbox/agent/file_content.h"
#include "sandbox/agent/kernel_files.h"

namespace mig_sandbox {

namespace {

using Directory = std::unique_ptr<DIR, decltype([](DIR* handle) { closedir(handle); })>;

struct Pending {
  std::string path;  // with a final slash
  dev_t device;
  std::size_t depth;  // of the files in it
};

class Walk {
 public:
  Walk(std::size_t max_depth, const Deadline& deadline, WalkProblems& problems,
       const std::function<bool(FileInfo, std::size_t)>& visit)
      : max_depth_(max_depth), deadline_(deadline), problems_(problems), visit_(visit) {}

  void run(const std::string& root) {
    struct stat status {};
    if (stat(root.c_str(), &status) != 0) {
      const std::string text = "open " + root + ": " + go_error_text(errno);
      problems_.add(text);
      // The real agent tries a missing path twice and counts it once.
      problems_.add(text);
      --problems_.open_failed;
      return;
    }
    if (!S_ISDIR(status.st_mode)) {
      visit_(FileInfo::from(root, status), 1);
      return;
    }
    root_is_kernel_made_ = is_kernel_made(root);
    pending_.push_back({root.ends_with('/') ? root : root + '/', status.st_dev, 1});
    while (!pending_.empty() && !deadline_.passed()) {
      const Pending next = std::move(pending_.back());
      pending_.pop_back();
      if (!enter(next)) return;
    }
  }

 private:
  bool enter(const Pending& directory) {
    const Directory handle(opendir(directory.path.c_str()));
    if (!handle) {
      problems_.add("open " + directory.path.substr(0, directory.path.size() - 1) + ": " + go_error_text(errno));
      return true;
    }
    while (const dirent* const entry = readdir(handle.get())) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (deadline_.passed() || !look_at(directory, dirfd(handle.get()), entry->d_name)) return false;
    }
    return true;
  }

  bool look_at(const Pending& directory, int handle, const char* name) {
    struct stat status {};
    if (fstatat(handle, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return true;  // gone meanwhile
    if (S_ISLNK(status.st_mode)) {
      struct stat target {};
      if (fstatat(handle, name, &target, 0) == 0) {
        if (S_ISDIR(target.st_mode)) return true;
        status = target;
      }
    }
    if (S_ISDIR(status.st_mode)) {
      const bool left_alone =
          status.st_dev != directory.device && !root_is_kernel_made_ && is_kernel_made(directory.path + name);
      if (directory.depth < max_depth_ && !left_alone) {
        pending_.push_back({directory.path + name + '/', status.st_dev, directory.depth + 1});
      }
      return true;
    }
    return visit_(FileInfo::from(directory.path + name, status), directory.depth);
  }

  std::size_t max_depth_;
  const Deadline& deadline_;
  WalkProblems& problems_;
  const std::function<bool(FileInfo, std::size_t)>& visit_;
  bool root_is_kernel_made_ = false;
  std::vector<Pending> pending_;
};

}  // namespace

void WalkProblems::add(const std::string& text) {
  ++open_failed;
  if (errors.size() < max_errors) errors.push_back("ERROR: " + text);
}

void walk_tree(const std::string& root, std::size_t max_depth, const Deadline& deadline, WalkProblems& problems,
               const std::function<bool(FileInfo, std::size_t depth)>& visit) {
  Walk(max_depth, deadline, problems, visit).run(root);
}

}  // namespace mig_sandbox

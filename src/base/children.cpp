#include "base/children.h"

#include <sys/wait.h>

#include <cerrno>
#include <set>

#include "base/mutex.h"

namespace mig_runner {
namespace {

struct Children {
  Mutex mutex;  // held while a process is reaped
  std::set<pid_t> owned GUARDED_BY(mutex);
  int starting GUARDED_BY(mutex) = 0;  // may have a child already that is not among them
};

Children& children() {
  static Children all;
  return all;
}

}  // namespace

// Without the mutex: a program on a file system that hangs takes long to start.
int start_child(pid_t& process, const std::function<int(pid_t&)>& spawn) {
  auto& all = children();
  {
    const MutexLock lock(all.mutex);
    ++all.starting;
  }
  const int error = spawn(process);
  const MutexLock lock(all.mutex);
  --all.starting;
  if (error == 0) all.owned.insert(process);
  return error;
}

std::optional<int> reap_child(pid_t process, rusage* usage) {
  siginfo_t ended{};
  while (waitid(P_PID, static_cast<id_t>(process), &ended, WEXITED | WNOWAIT) != 0 && errno == EINTR) continue;
  // Its number is free from here on, and may be the next child's.
  const MutexLock lock(children().mutex);
  children().owned.erase(process);
  int status = 0;
  if (wait4(process, &status, WNOHANG, usage) != process) return std::nullopt;
  return status;
}

void disown_child(pid_t process) {
  const MutexLock lock(children().mutex);
  children().owned.erase(process);
}

void reap_orphans() {
  const MutexLock lock(children().mutex);
  while (children().starting == 0) {
    siginfo_t ended{};
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0) return;
    // Its owner is about to reap it. What has ended behind it is seen the next time.
    if (children().owned.contains(ended.si_pid)) return;
    waitpid(ended.si_pid, nullptr, WNOHANG);
  }
}

}  // namespace mig_runner

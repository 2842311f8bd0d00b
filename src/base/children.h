#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <functional>
#include <optional>

namespace mig_runner {

// The processes that this one has started and waits for, told apart from those that it inherits: as process 1 of a
// container, or as a subreaper, it becomes the parent of what plugins leave behind. base/child.h starts and reaps
// programs by this. Safe from any thread.

// Calls `spawn`, which starts a process (posix_spawn), stores its id and returns 0, or an errno. It belongs to the
// caller until reap_child() or disown_child().
int start_child(pid_t& process, const std::function<int(pid_t&)>& spawn);

// Waits for the end of a child that has ended or is about to. Its status as waitpid(2) has it; nullopt where that is
// lost, because the process was started with SIGCHLD ignored. `usage` gets what it has used.
std::optional<int> reap_child(pid_t process, rusage* usage = nullptr);

// Nobody waits for this child any more: reap_orphans() does, once it has ended.
void disown_child(pid_t process);

// Reaps the children that have ended and belong to nobody. To be called now and then.
void reap_orphans();

}  // namespace mig_runner

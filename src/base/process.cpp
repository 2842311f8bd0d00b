#include "base/process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <initializer_list>

namespace mig_runner {

void prepare_process() {
  // open() gives the lowest number that is free: this one.
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) static_cast<void>(open("/dev/null", O_RDWR));
  prctl(PR_SET_DUMPABLE, 0);
  rlimit cores{};
  if (getrlimit(RLIMIT_CORE, &cores) == 0) {
    cores.rlim_cur = 0;
    static_cast<void>(setrlimit(RLIMIT_CORE, &cores));
  }
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace mig_runner

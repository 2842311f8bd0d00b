#include "base/child.h"

#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "base/children.h"

extern char** environ;

namespace mig_runner {
namespace {

using std::chrono::steady_clock;

class Actions {
 public:
  explicit Actions(const Program& program) {
    posix_spawn_file_actions_init(&actions_);
    add(STDIN_FILENO, program.input);
    add(STDOUT_FILENO, program.output);
    add(STDERR_FILENO, program.errors);
    if (!program.directory.empty()) posix_spawn_file_actions_addchdir_np(&actions_, program.directory.c_str());
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
  }
  ~Actions() { posix_spawn_file_actions_destroy(&actions_); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  void add(int number, const Stream& stream) {
    if (stream.fd >= 0)
      posix_spawn_file_actions_adddup2(&actions_, stream.fd, number);
    else
      posix_spawn_file_actions_addopen(&actions_, number, stream.path.c_str(), stream.flags, 0600);
  }

  posix_spawn_file_actions_t actions_{};
};

class Attributes {
 public:
  explicit Attributes(Program::Group group) {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (group == Program::Group::own) flags |= POSIX_SPAWN_SETPGROUP;
    if (group == Program::Group::session) flags |= POSIX_SPAWN_SETSID;
    posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  // The C interface lacks const, and changes nothing.
  for (const auto& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

// 0, or an errno.
int spawn(pid_t& process, const Program& program) {
  const Actions actions(program);
  const Attributes attributes(program.group);
  const auto arguments = pointers(program.arguments);
  const auto environment = program.environment ? pointers(*program.environment) : std::vector<char*>();
  return start_child(process, [&](pid_t& child) {
    return posix_spawnp(&child, arguments[0], actions.get(), attributes.get(), arguments.data(),
                        program.environment ? environment.data() : environ);
  });
}

Ending ending_of(const std::optional<int>& status, const rusage& usage) {
  using std::chrono::microseconds;
  using std::chrono::seconds;
  Ending ending;
  if (status && WIFEXITED(*status)) ending.exit_code = WEXITSTATUS(*status);
  if (status && WIFSIGNALED(*status)) {
    ending.signal = WTERMSIG(*status);
    ending.dumped_core = WCOREDUMP(*status);
  }
  ending.cpu = seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  return ending;
}

// False: `at_most` has passed. Negative: no limit.
bool await_readable(int fd, std::chrono::milliseconds at_most) {
  pollfd waiting{fd, POLLIN, 0};
  const auto end = steady_clock::now() + at_most;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now()).count();
    const int ready = poll(&waiting, 1, at_most.count() < 0 ? -1 : static_cast<int>(std::max<long>(left, 0)));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

}  // namespace

std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto name = text.substr(0, text.find('='));
    if (std::none_of(added.begin(), added.end(), [&](const auto& one) { return one.first == name; }))
      all.emplace_back(text);
  }
  for (const auto& [name, value] : added) all.push_back(name + "=" + value);
  return all;
}

tl::expected<Child, int> Child::start(const Program& program) {
  pid_t process = -1;
  if (const int error = spawn(process, program); error != 0) return tl::unexpected(error);
  UniqueFd handle(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
  if (!handle) {
    const int error = errno;
    kill(program.group == Program::Group::same ? process : -process, SIGKILL);
    disown_child(process);
    return tl::unexpected(error);
  }
  return Child(process, std::move(handle), program.group != Program::Group::same);
}

Child::Child(Child&& other) noexcept
    : process_(std::exchange(other.process_, -1)),
      handle_(std::move(other.handle_)),
      leads_group_(other.leads_group_),
      ending_(other.ending_) {}

Child::~Child() {
  if (process_ < 0 || !runs()) return;
  const bool killed = leads_group_ ? signal_group(SIGKILL) : signal(SIGKILL);
  // It runs as another user: nobody can say when it ends.
  if (!killed && errno == EPERM) {
    disown();
  } else {
    wait();
  }
}

std::optional<Ending> Child::wait(std::chrono::milliseconds at_most) {
  if (ending_ || !await_readable(handle_.get(), at_most)) return ending_;
  rusage usage{};
  const auto status = reap_child(process_, &usage);
  ending_ = ending_of(status, usage);
  return ending_;
}

Ending Child::wait() {
  return wait(std::chrono::milliseconds(-1)).value_or(Ending());
}

bool Child::signal(int number) const {
  return syscall(SYS_pidfd_send_signal, handle_.get(), number, nullptr, 0) == 0;
}

bool Child::signal_group(int number) const {
  // Once it is reaped, its number may be that of a new group.
  if (ending_) return errno = ESRCH, false;
  return kill(-process_, number) == 0;
}

void Child::disown() {
  disown_child(process_);
  process_ = -1;
}

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno("there is no pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace mig_runner
